"""The checks that know no software, on hosts as a look found them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from tests.unit.checks.answers import hold, nobody
from tests.unit.checks.situations import (
    NOW,
    cases_of,
    check_of,
    container,
    inspected,
    service,
    situation,
)
from tests.unit.plan.model import file

from opsctl.checks.catalogue import CHECKS
from opsctl.checks.content import different_keys
from opsctl.checks.questions import FilesInside, Verdict
from opsctl.checks.situation import Situation
from opsctl.state.observed import PROJECT_LABEL, SERVICE_LABEL


def verdict(identity: str, about: Situation) -> Verdict:
    (case,) = cases_of(check_of(CHECKS, identity), about)
    return hold(case.talk(), nobody)[0]


def test_ids_and_what_they_say_are_whole() -> None:
    assert len({one.id for one in CHECKS}) == len(CHECKS)
    for one in CHECKS:
        assert one.id.startswith("V-")
        assert all((one.title, one.proves, one.mend, one.source))
        assert not (one.mend + one.source).endswith(".")


@pytest.mark.parametrize(
    "fields,result,message",
    [
        ({}, "pass", "healthy"),
        ({"health": ""}, "pass", "running"),
        ({"health": "unhealthy"}, "fail", "unhealthy"),
        ({"health": "starting"}, "inconclusive", "starting"),
        ({"state": "restarting", "exit_code": 1}, "fail", "restarting 1"),
        ({"state": "exited", "exit_code": 137}, "fail", "exited 137"),
        ({"state": "paused"}, "fail", "paused"),
    ],
)
def test_health(fields: dict[str, Any], result: str, message: str) -> None:
    found = verdict("V-CTR-001", situation(service("api"), containers=[container("api", **fields)]))
    assert (found.result, found.message) == (result, message)


def test_health_of_what_is_not_there() -> None:
    assert verdict("V-CTR-001", situation(service("api"))).message == "missing"
    held = situation(service("api"), held=frozenset({"api"}))
    assert verdict("V-CTR-001", held) == Verdict("skip", "held")
    asleep = situation(service("api", on_demand=True))
    assert verdict("V-CTR-001", asleep) == Verdict("skip", "on demand")


@pytest.mark.parametrize(
    "seen,fields,result",
    [
        ({}, {}, "pass"),
        ({"restart_count": 3}, {}, "pass"),
        ({"restart_count": 3, "started_at": NOW - 30}, {}, "fail"),
        ({"restart_count": 0, "started_at": NOW - 30}, {}, "pass"),
        ({"oom_killed": True}, {}, "fail"),
        ({"restart_count": 1}, {"state": "restarting"}, "fail"),
    ],
)
def test_restarts(seen: dict[str, Any], fields: dict[str, Any], result: str) -> None:
    one = container("api", seen=inspected(**seen), **fields)
    assert verdict("V-CTR-002", situation(service("api"), containers=[one])).result == result


def test_a_container_that_no_stack_names() -> None:
    labels = {PROJECT_LABEL: "demo", SERVICE_LABEL: "old"}
    stray = container("old", labels=labels)
    found = verdict("V-CTR-003", situation(service("api"), containers=[container("api"), stray]))
    assert (found.result, found.message) == ("fail", "no stack names demo-old-1 (running)")
    assert verdict("V-CTR-003", situation(service("api"), containers=[container("api")])).result == "pass"


def test_a_host_is_asked_about_only_where_the_question_is_not_about_some_services() -> None:
    about = situation(service("api"), service("db"), chosen=["api"])
    assert cases_of(check_of(CHECKS, "V-CTR-003"), about) == []
    assert [one.service for one in cases_of(check_of(CHECKS, "V-CTR-001"), about)] == ["api"]


def test_what_a_deploy_would_do() -> None:
    about = situation(service("api"), pending={"api": "env: WORD changed"}, steps=3)
    assert verdict("V-PLN-001", about).message == "env: WORD changed"
    assert verdict("V-PLN-002", about).message == "a deploy would take 3 steps: opsctl plan"
    assert verdict("V-PLN-002", situation(service("api"))).result == "pass"


def test_the_environment_key_by_key_and_never_a_value() -> None:
    rendered = {"SAME": "1", "OTHER": "canary-5e1f", "GONE": "canary-5e1f"}
    inside = {"SAME": "1", "OTHER": "stale-canary", "PATH": "/bin", "EXTRA": "x"}
    one = container("api", seen=inspected(env=inside))
    found = verdict("V-ENV-001", situation(service("api", env=rendered), containers=[one]))
    assert found.result == "fail"
    assert found.message == "GONE is not there, OTHER has another value, EXTRA was not rendered"
    good = container("api", seen=inspected(env={**rendered, "PATH": "/bin"}))
    assert verdict("V-ENV-001", situation(service("api", env=rendered), containers=[good])).result == "pass"


def test_what_is_stopped_on_purpose_takes_its_environment_when_it_is_started() -> None:
    old = container("api", seen=inspected(env={"PATH": "/bin"}), state="exited")
    about = situation(service("api", env={"WORD": "new"}), containers=[old], held=frozenset({"api"}))
    assert verdict("V-ENV-001", about) == Verdict("skip", "held")
    by_hand = situation(service("api", env={"WORD": "new"}), containers=[old])
    assert verdict("V-ENV-001", by_hand).result == "fail"


def test_an_environment_that_nobody_told_is_no_pass() -> None:
    about = situation(service("api", env={"A": "1"}), containers=[container("api", image_id="sha256:9")])
    assert verdict("V-ENV-001", about).result == "inconclusive"


def test_what_the_image_brings_counts_only_with_the_image_s_value() -> None:
    assert different_keys({}, {"PATH": "/bin"}, {"PATH": "/bin"}) == []
    assert different_keys({}, {"PATH": "/evil"}, {"PATH": "/bin"}) == ["PATH was not rendered"]


CONFIG = file("api", "/etc/app.conf", "new")


@pytest.mark.parametrize(
    "inside,result",
    [(b"new", "pass"), (b"old inode", "fail"), (None, "inconclusive")],
)
def test_mounted_files(inside: bytes | None, result: str) -> None:
    about = situation(service("api", files=(CONFIG,)), containers=[container("api")])
    (case,) = cases_of(check_of(CHECKS, "V-FIL-001"), about)
    told = {"/etc/app.conf": hashlib.sha256(inside).hexdigest() if inside else None}
    found, asked = hold(case.talk(), lambda _question: told)
    assert found.result == result
    assert asked == [FilesInside("web", "api", ("/etc/app.conf",))]


def test_files_of_what_does_not_run_are_not_asked_for() -> None:
    about = situation(service("api", files=(CONFIG,)), containers=[container("api", state="exited")])
    (case,) = cases_of(check_of(CHECKS, "V-FIL-001"), about)
    assert hold(case.talk(), nobody)[0].result == "skip"
