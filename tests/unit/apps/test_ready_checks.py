"""What n8n, NocoDB, Palais, OpenCut and Sure are asked: whether they are ready."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.apps import n8ns, nocodbs
from tests.unit.apps.asked import answered, ask, cases, said
from tests.unit.apps.edits import changed
from tests.unit.apps.test_opencut_rules import made as opencut
from tests.unit.apps.test_palais_rules import made as palais
from tests.unit.apps.test_sure_rules import made as sure
from tests.unit.checks.answers import hold
from tests.unit.checks.situations import check_of

from opsctl.apps.catalogue import all_checks
from opsctl.checks.paths import how
from opsctl.checks.questions import Fetch, Fetched, Inside

Project = Callable[[Path], Path]
READY: dict[str, tuple[str, Project, str]] = {
    "n8n": ("V-NEN-001", n8ns.project, "http://n8n:5678/healthz/readiness"),
    "nocodb": ("V-NCO-001", nocodbs.project, "http://nocodb:8080/api/v1/health"),
    "palais": ("V-PAL-001", palais, "http://palais:3300/api/health"),
    "opencut": ("V-OCT-001", opencut, "http://opencut:3000/api/health"),
    "sure": ("V-SUR-001", sure, "http://sure:3000/up"),
}


@pytest.mark.parametrize("app", READY)
@pytest.mark.parametrize(
    "answer,result,words",
    [
        (answered(200), "pass", ""),
        (answered(503, {"status": "error"}), "fail", ': 503 {"status": "error"}'),
        (answered(404), "fail", ": 404 {}"),
        (answered(301), "fail", ": 301"),
        (answered(0, reason="Connection refused"), "fail", ": Connection refused"),
    ],
)
def test_readiness(app: str, answer: Any, result: str, words: str, tmp_path: Path) -> None:
    identity, project, url = READY[app]
    found, (question,) = ask(project(tmp_path), identity, answer)
    assert found.result == result
    assert words in found.message
    assert isinstance(question, Fetch)
    assert (question.url, question.service, question.via) == (url, app, "web")


def test_software_that_sleeps_is_left_asleep_by_verify() -> None:
    """It asks no check with `software` of what is down on purpose (tests/flows/test_verify.py)."""
    assert all(check_of(all_checks(), identity).software for identity, *_ in READY.values())


def test_a_long_answer_is_cut() -> None:
    assert len(how(Fetched(500, {}, b"<p>\n" * 1000))) < 200
    assert how(Fetched(500, {}, b"a\n b")) == "500 a b"


def test_a_port_of_its_own(tmp_path: Path) -> None:
    stack = changed(
        n8ns.REGULAR,
        [("N8N_PROXY_HOPS", 'N8N_PORT: "80"\n      N8N_ENDPOINT_HEALTH: /well\n      N8N_PROXY_HOPS')],
    )
    _, (question,) = ask(n8ns.project(tmp_path, stack), "V-NEN-001", answered(200))
    assert isinstance(question, Fetch)
    assert question.url == "http://n8n:80/well/readiness"


def test_each_process_of_n8n_that_listens(tmp_path: Path) -> None:
    def asked_of(stack: str, root: Path) -> dict[str, tuple[str, list[Any]]]:
        found = {
            one.service: hold(one.talk(), answered(200))
            for one in cases(n8ns.project(root, stack), "V-NEN-001")
        }
        return {name: (verdict.result, asked) for name, (verdict, asked) in found.items()}

    both = asked_of(n8ns.QUEUE, tmp_path / "on")
    assert {name: result for name, (result, _) in both.items()} == {"n8n": "pass", "n8n-worker": "pass"}
    assert both["n8n-worker"][1][0].url == "http://n8n-worker:5678/healthz/readiness"
    off = changed(n8ns.QUEUE, [('QUEUE_HEALTH_CHECK_ACTIVE: "true"', 'QUEUE_HEALTH_CHECK_ACTIVE: "false"')])
    assert asked_of(off, tmp_path / "off")["n8n-worker"] == ("skip", [])


@pytest.mark.parametrize(
    "answer,result",
    [
        (said("17\n"), "pass"),
        (said("", 1), "fail"),
        (said("", 127, "pgrep: not found"), "inconclusive"),
        (said("", -1), "inconclusive"),
    ],
)
def test_the_worker_of_sure(answer: Any, result: str, tmp_path: Path) -> None:
    found, (question,) = ask(sure(tmp_path), "V-SUR-002", answer)
    assert found.result == result
    assert isinstance(question, Inside)
    assert (question.service, question.words) == ("sure-worker", ("pgrep", "-f", "^sidekiq "))


def test_each_process_of_sure_is_asked_what_it_can_tell(tmp_path: Path) -> None:
    root = sure(tmp_path)
    assert [one.service for one in cases(root, "V-SUR-001")] == ["sure"]
    assert [one.service for one in cases(root, "V-SUR-002")] == ["sure-worker"]
