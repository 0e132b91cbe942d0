"""What PostgreSQL, Redis and LiteLLM are asked, and what their answers mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.apps import proxies, redises, servers
from tests.unit.apps.asked import answered, ask, cases, said
from tests.unit.checks.situations import NOW, check_of

from opsctl.apps.catalogue import all_checks
from opsctl.apps.litellm.checks import judge_budgets
from opsctl.apps.postgresql.checks import judge
from opsctl.apps.postgresql.settings import Settings
from opsctl.apps.redis.checks import facts
from opsctl.apps.redis.checks import judge as judge_memory
from opsctl.checks.questions import Fetch, Inside, Logs, Question


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────────────────
def told(used: int, *, most: int = 100, kept: int = 3, roles: Any = None) -> dict[str, Any]:
    return {"most": most, "kept": kept, "used": used, "roles": roles}


@pytest.mark.parametrize("used,result", [(0, "pass"), (77, "pass"), (78, "fail"), (97, "fail")])
def test_connections_against_those_that_ordinary_roles_can_have(used: int, result: str) -> None:
    assert judge(told(used), Settings()).result == result


def test_a_role_near_its_own_limit() -> None:
    roles = {"n8n": [16, 20], "nocodb": [15, 20], "root": [50, -1]}
    found = judge(told(60, roles=roles), Settings())
    assert (found.result, found.message) == ("fail", "n8n holds 16 of its 20")


def test_a_server_that_was_not_restarted_after_its_settings_changed() -> None:
    found = judge(told(5), Settings(max_connections=200))
    assert (found.result, found.expected, found.observed) == (
        "fail",
        "197 usable",
        "97 usable of max_connections 100",
    )


def test_the_server_is_asked_by_its_local_socket(tmp_path: Path) -> None:
    root = servers.project(tmp_path)
    answer = json.dumps(told(5, most=120))
    found, (question,) = ask(root, "V-PGS-001", said(answer))
    assert found.message == "5 of 117 usable connections"
    assert isinstance(question, Inside)
    assert (question.host, question.service) == ("web", "postgresql")
    assert b"pg_stat_activity" in question.stdin
    assert ask(root, "V-PGS-001", said("", 2, "psql: error: no"))[0].result == "inconclusive"
    role = 'psql: error: FATAL:  role "boss" does not exist'
    assert ask(root, "V-PGS-001", said("", 2, role))[0].result == "inconclusive"
    full = ask(root, "V-PGS-001", said("", 2, "psql: error: FATAL:  sorry, too many clients already"))[0]
    assert (full.result, full.message) == (
        "fail",
        "nobody gets in any more: sorry, too many clients already",
    )
    assert ask(root, "V-PGS-001", said("nonsense"))[0].result == "inconclusive"


@pytest.mark.parametrize(
    "answer,result",
    [
        (said("1\n"), "pass"),
        (said("", 2, 'psql: error: FATAL:  password authentication failed for user "n8n"'), "fail"),
        (said("", 2, "psql: error: could not translate host name"), "inconclusive"),
        (said("", 70), "inconclusive"),
    ],
)
def test_logins(tmp_path: Path, answer: Callable[[Question], Any], result: str) -> None:
    found, (question,) = ask(servers.project(tmp_path), "V-PGS-002", answer)
    assert found.result == result
    assert isinstance(question, Inside)
    assert question.words[-2:] == ("n8n", "n8n")
    assert question.stdin.startswith(b"*:*:*:*:")


def test_each_login_is_a_case_and_one_that_is_being_rotated_is_left_alone(tmp_path: Path) -> None:
    root = servers.project(tmp_path)
    assert [one.subject for one in cases(root, "V-PGS-002")] == ["n8n", "nocodb"]
    found, asked = ask(root, "V-PGS-002", said("1"), rotating={"n8n_db": "{}"})
    assert (found.result, asked) == ("skip", [])


# ── Redis ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "answer,result",
    [
        (said("PONG\n"), "pass"),
        (said("NOAUTH Authentication required.\n"), "fail"),
        (said("WRONGPASS invalid username-password pair\n"), "fail"),
        (said("", 1, "Could not connect to Redis at 127.0.0.1:6379: Connection refused"), "inconclusive"),
    ],
)
def test_ping(tmp_path: Path, answer: Callable[[Question], Any], result: str) -> None:
    found, (question,) = ask(redises.project(tmp_path), "V-RDS-001", answer)
    assert found.result == result
    assert isinstance(question, Inside)
    assert question.words[-1] == "probe"


def info(**fields: object) -> str:
    known = {"used_memory": 50, "maxmemory": 100, "maxmemory_policy": "noeviction", **fields}
    return "# Memory\r\n" + "".join(f"{name}:{value}\r\n" for name, value in known.items())


@pytest.mark.parametrize(
    "fields,words",
    [
        ({}, ""),
        ({"used_memory": 89}, ""),
        ({"used_memory": 90}, "noeviction refuses writes"),
        ({"used_memory": 99, "maxmemory_policy": "allkeys-lru"}, ""),
        ({"maxmemory": 0}, ""),
        ({"rdb_last_bgsave_status": "err"}, "snapshot failed"),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, "append-only file"),
        ({"aof_enabled": 0, "aof_last_write_status": "err"}, ""),
        ({"loading": 1}, "still loading"),
    ],
)
def test_memory_and_writes(fields: dict[str, object], words: str) -> None:
    found = judge_memory(facts(info(**fields)))
    assert found.result == ("fail" if words else "pass")
    assert words in found.message


def test_a_probe_that_may_not_read_figures_cannot_tell(tmp_path: Path) -> None:
    found, _ = ask(
        redises.project(tmp_path), "V-RDS-002", said("NOPERM this user has no permissions to run 'info'\n")
    )
    assert found.result == "inconclusive"
    assert "+info" in found.message


# ── LiteLLM ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "answer,result",
    [
        (answered(200, {"db": "connected"}), "pass"),
        (answered(200, {"db": "Not connected"}), "fail"),
        (answered(503, {"detail": "no"}), "fail"),
        (answered(0, reason="Connection refused"), "fail"),
    ],
)
def test_readiness(tmp_path: Path, answer: Callable[[Question], Any], result: str) -> None:
    found, (question,) = ask(proxies.project(tmp_path), "V-LLM-001", answer)
    assert found.result == result
    assert isinstance(question, Fetch)
    assert (question.url, question.service) == ("http://litellm:4000/health/readiness", "litellm")


CAPS = {"anthropic": {"budget_limit": 1}, "openrouter": {"budget_limit": 3}}


def test_caps_that_are_in_force() -> None:
    told = {
        "anthropic": {"budget_limit": 1.0, "spend": 0.25},
        "openrouter": {"budget_limit": 3.0, "spend": None},
    }
    found = judge_budgets(CAPS, told)
    assert (found.result, found.message) == (
        "pass",
        "anthropic has spent 25% of 1 USD; openrouter has spent 0% of 3 USD",
    )


@pytest.mark.parametrize(
    "told,words",
    [
        ({"anthropic": {"budget_limit": 1}}, "openrouter has no cap in place of 3 USD"),
        (
            {"anthropic": {"budget_limit": 1}, "openrouter": {"budget_limit": 30}},
            "openrouter has 30 USD in place of 3 USD",
        ),
        (
            {"anthropic": {"budget_limit": 1, "spend": 1.5}, "openrouter": {"budget_limit": 3}},
            "anthropic has spent 150% of 1 USD",
        ),
    ],
)
def test_caps_that_are_not(told: dict[str, Any], words: str) -> None:
    found = judge_budgets(CAPS, told)
    assert found.result == "fail"
    assert words in found.message


def test_budgets_are_asked_with_the_master_key_in_a_header(tmp_path: Path) -> None:
    root = proxies.project(tmp_path)
    told = {
        "providers": {
            "anthropic": {"budget_limit": 1, "spend": 0},
            "openrouter": {"budget_limit": 3, "spend": 0},
        }
    }
    found, (question,) = ask(root, "V-LLM-002", answered(200, told))
    assert found.result == "pass"
    assert isinstance(question, Fetch)
    assert question.headers["Authorization"].startswith("Bearer ")
    assert question.headers["Authorization"] not in repr(question)
    assert ask(root, "V-LLM-002", answered(401))[0].result == "fail"


ACCESS = 'INFO:     172.18.0.5:51234 - "GET {} HTTP/1.1" 200 OK'


@pytest.mark.parametrize(
    "paths,result",
    [
        (["/health/readiness", "/v1/models"], "pass"),
        (["/health/readiness", "/health"], "fail"),
        (["/health?model=main"], "fail"),
        (["/health/"], "fail"),
        (["/healthz"], "pass"),
        ([], "inconclusive"),
    ],
)
def test_who_asks_bare_health(tmp_path: Path, paths: list[str], result: str) -> None:
    lines = ["starting", *(ACCESS.format(path) for path in paths)]
    found, (question,) = ask(proxies.project(tmp_path), "V-LLM-003", lambda _question: lines)
    assert found.result == result
    assert isinstance(question, Logs)
    assert question.since == NOW - 3600
    if result == "fail":
        assert "USD a day" in found.message


def test_a_billed_call_of_every_group(tmp_path: Path) -> None:
    assert check_of(all_checks(), "V-LLM-004").metered
    root = proxies.project(tmp_path)
    found, asked = ask(root, "V-LLM-004", answered(200))
    assert (found.result, len(asked)) == ("pass", 3)
    assert all(json.loads(one.body)["max_tokens"] == 1 for one in asked if isinstance(one, Fetch))
    failing = answered(429, {"error": {"message": "quota"}})
    assert "main: 429 quota" in ask(root, "V-LLM-004", failing)[0].message


# ── all of them ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_ids_are_unique_and_every_metered_check_says_what_costs() -> None:
    checks = all_checks()
    assert len({one.id for one in checks}) == len(checks)
    assert [one.id for one in checks if one.metered] == ["V-LLM-004"]
