"""What the programs of the watch are asked, and what their answers mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from tests.unit.apps.asked import answered, ask, cases
from tests.unit.apps.watches import host, project, text
from tests.unit.checks.answers import nobody
from tests.unit.checks.situations import NOW, check_of

from opsctl.apps.alertmanager.canary import WITHIN
from opsctl.apps.alertmanager.checks import hash_of
from opsctl.apps.catalogue import all_checks
from opsctl.apps.victoriametrics.checks import judge_rules, judge_targets
from opsctl.checks.metrics import series, single
from opsctl.checks.questions import Fetch, Fetched, Leaving, OnHost, OwnTime, Pause, Question, Ran
from opsctl.checks.throwaway import Claim
from opsctl.model.yaml_document import read_yaml

READY = {
    "V-ALM-001": "http://alertmanager:9093/-/ready",
    "V-LOK-001": "http://loki:3100/ready",
    "V-GRF-001": "http://grafana:3000/api/health",
    "V-ALY-001": "http://alloy:12345/-/ready",
}


def says(body: str, status: int = 200) -> Callable[[Question], Fetched]:
    return lambda _question: Fetched(status, {}, body.encode())


@pytest.mark.parametrize("identity", READY)
@pytest.mark.parametrize(
    "answer,result",
    [(answered(200), "pass"), (answered(503), "fail"), (answered(0, reason="refused"), "fail")],
)
def test_readiness(identity: str, answer: Any, result: str, tmp_path: Path) -> None:
    found, (question,) = ask(project(tmp_path), identity, answer)
    assert found.result == result
    assert isinstance(question, Fetch)
    assert question.url == READY[identity]


def test_ports_that_commands_and_files_name(tmp_path: Path) -> None:
    edits = [
        ("0.0.0.0:12345", "0.0.0.0:80"),
        ("    settings: {chat_id", '    command: ["--web.listen-address=:9094"]\n    settings: {chat_id'),
        (
            "      GF_SECURITY_ADMIN_PASSWORD",
            '      GF_SERVER_HTTP_PORT: "3001"\n      GF_SECURITY_ADMIN_PASSWORD',
        ),
    ]
    root = project(tmp_path, edits, {"loki.yml.j2": [("http_listen_port: 3100", "http_listen_port: 3101")]})
    for identity, port in {"V-ALY-001": 80, "V-ALM-001": 9094, "V-GRF-001": 3001, "V-LOK-001": 3101}.items():
        _, (question,) = ask(root, identity, answered(200))
        assert isinstance(question, Fetch)
        assert f":{port}/" in question.url


def test_an_alloy_that_listens_inside_its_container_alone(tmp_path: Path) -> None:
    root = project(tmp_path, [(', "--server.http.listen-addr=0.0.0.0:12345"', "")])
    found, _ = ask(root, "V-ALY-001", nobody)
    assert (found.result, "127.0.0.1:12345" in found.message) == ("skip", True)


HEALTH = 'container_health_state{container_label_x="",name="demo-api-1"} 1 1700000000000\n'


@pytest.mark.parametrize(
    "answer,result",
    [
        (says(f"# HELP container_health_state x\n{HEALTH}"), "pass"),
        (says('container_health_state{id="/"} -1\n'), "fail"),
        (says('container_last_seen{name="demo-api-1"} 1\n'), "fail"),
        (says("no", 500), "fail"),
    ],
)
def test_what_cadvisor_tells(answer: Any, result: str, tmp_path: Path) -> None:
    found, (question,) = ask(project(tmp_path), "V-CAD-001", answer)
    assert found.result == result
    assert isinstance(question, Fetch)
    assert question.url == "http://cadvisor:8080/metrics"


def test_series_of_a_text() -> None:
    shown = 'a{x="1",y="a\\"}b"} 2.5\n# a 3\na_b 4\na{x="2"} NaN\na 1e3 5\na nothing\n'
    assert [(labels.get("x"), value) for labels, value in series(shown, "a") if not isnan(value)] == [
        ("1", 2.5),
        (None, 1000.0),
    ]
    assert (single(shown, "a_b"), single(shown, "b")) == (4.0, None)


# ── VictoriaMetrics and vmalert ──────────────────────────────────────────────────────────────────────────────────────
def target(address: str, health: str = "up", error: str = "") -> dict[str, Any]:
    labels = {"job": "node", "instance": address}
    return {
        "discoveredLabels": {"__address__": address},
        "labels": labels,
        "health": health,
        "lastError": error,
    }


@pytest.mark.parametrize(
    "active,wanted,words",
    [
        ([target("a:1")], ["a:1"], ""),
        ([target("a:1"), target("b:1")], ["a:1"], ""),
        ([target("a:1", "down", "dial\n refused")], ["a:1"], "node a:1 is down: dial refused"),
        ([target("a:1", "down")], ["a:1"], "not scraped yet"),
        ([target("a:1", "unknown")], [], "node a:1 is down"),
        ([target("a:1")], ["a:1", "b:1"], "b:1 is not scraped"),
        ([], [], "no targets"),
    ],
)
def test_targets(active: list[dict[str, Any]], wanted: Sequence[str], words: str) -> None:
    found = judge_targets(active, wanted)
    assert found.result == ("fail" if words else "pass")
    assert words in found.message


def test_the_targets_of_the_scrape_config_are_those_that_it_must_have(tmp_path: Path) -> None:
    answer = answered(200, {"data": {"activeTargets": [target("cadvisor:8080")]}})
    found, (question,) = ask(project(tmp_path), "V-VMT-001", answer)
    assert "node-exporter:9100 is not scraped" in found.message
    assert "cadvisor" not in found.message
    assert isinstance(question, Fetch)
    assert question.url == "http://victoriametrics:8428/api/v1/targets?state=active"


def group(name: str, *rules: str, error: str = "") -> dict[str, Any]:
    return {"name": name, "rules": [{"name": one, "lastError": error} for one in rules]}


WANTED = [{"name": "a", "rules": [{"alert": "X"}, {"record": "y"}]}]


@pytest.mark.parametrize(
    "loaded,words",
    [
        ([group("a", "y", "X")], ""),
        ([group("a", "X")], "the group a has other rules"),
        ([group("b", "X", "y")], "the group a is not loaded; the group b is in no file"),
        ([group("a", "X", "y", error="no\n such")], "X: no such"),
        ([], "the group a is not loaded"),
    ],
)
def test_rules(loaded: list[dict[str, Any]], words: str) -> None:
    found = judge_rules(loaded, WANTED)
    assert found.result == ("fail" if words else "pass")
    assert words in found.message


def test_the_rules_of_the_rendered_file_are_those_that_it_must_have(tmp_path: Path) -> None:
    root = project(tmp_path)
    file = read_yaml("", text(host(root).services["vmalert"], "/etc/vmalert/alerts.yml").encode()).value
    loaded = [group(one["name"], *(rule["alert"] for rule in one["rules"])) for one in file["groups"]]
    found, (question,) = ask(root, "V-VMT-002", answered(200, {"data": {"groups": loaded}}))
    assert (found.result, found.message) == ("pass", f"{sum(len(one['rules']) for one in loaded)} rules")
    assert isinstance(question, Fetch)
    assert question.url == "http://vmalert:8880/api/v1/rules"
    assert ask(root, "V-VMT-002", answered(200, {"data": {"groups": loaded[1:]}}))[0].result == "fail"


@pytest.mark.parametrize("identity", ["V-VMT-001", "V-VMT-002"])
@pytest.mark.parametrize("answer", [answered(500), answered(0, reason="refused"), says("<html>")])
def test_who_does_not_tell_is_no_pass(identity: str, answer: Any, tmp_path: Path) -> None:
    assert ask(project(tmp_path), identity, answer)[0].result == "inconclusive"


def test_rules_that_opsctl_does_not_mount(tmp_path: Path) -> None:
    root = project(tmp_path, [("-rule=/etc/vmalert/alerts.yml", "-rule=/elsewhere/*.yml")])
    found, _ = ask(root, "V-VMT-002", nobody)
    assert (found.result, "/elsewhere/*.yml" in found.message) == ("inconclusive", True)


# ── Alertmanager ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_configuration_by_its_hash(tmp_path: Path) -> None:
    root = project(tmp_path)
    mine = hash_of(text(host(root).services["alertmanager"], "/etc/alertmanager/alertmanager.yml").encode())

    def verdict(body: str) -> tuple[str, str]:
        found, _ = ask(root, "V-ALM-002", says(body))
        return found.result, found.message

    assert mine < 2**48
    assert verdict(f"alertmanager_config_hash {mine!r}\n")[0] == "pass"
    other = f"alertmanager_config_hash {mine + 1!r}\n"
    assert "was not read anew" in verdict(other + "alertmanager_config_last_reload_successful 1\n")[1]
    assert "did not take the file" in verdict(other + "alertmanager_config_last_reload_successful 0\n")[1]
    assert verdict("up 1\n")[0] == "inconclusive"
    assert ask(root, "V-ALM-002", answered(404))[0].result == "inconclusive"


def test_a_configuration_that_opsctl_does_not_mount(tmp_path: Path) -> None:
    root = project(tmp_path, [("target: /etc/alertmanager/alertmanager.yml", "target: /etc/other.yml")])
    assert ask(root, "V-ALM-002", nobody)[0].result == "inconclusive"


class Engine:
    """A host that starts canaries, and an Alertmanager with these alerts after so many questions."""

    def __init__(self, *alerts: Any, after: int = 0, code: int = 0) -> None:
        self.alerts, self.after, self.code = alerts, after, code
        self.now = NOW
        self.ran: list[OnHost] = []

    def __call__(self, question: Question) -> Any:
        match question:
            case OwnTime():
                return self.now
            case Pause():
                self.now += question.seconds
                return None
            case Leaving() | Claim():
                return None
            case OnHost():
                self.ran.append(question)
                return Ran(self.code, b"id", b"no such image" if self.code else b"")
            case Fetch():
                self.after -= 1
                return Fetched(200, {}, json.dumps(self.alerts if self.after < 0 else []).encode())
        raise AssertionError(question)


def alert(state: str, name: str = "ContainerUnhealthy") -> dict[str, Any]:
    return {"labels": {"alertname": name}, "status": {"state": state}}


def test_a_canary_is_announced_before_it_is_made_and_bounded(tmp_path: Path) -> None:
    engine = Engine(alert("unprocessed"), alert("active"), after=3)
    found, asked = ask(project(tmp_path), "V-ALM-003", engine)
    assert (found.result, found.message) == ("pass", "its alert fired after 15 s")
    _, claim, first, started = asked[:4]
    assert isinstance(claim, Claim)
    assert isinstance(first, Leaving)
    assert isinstance(first.question, OnHost)
    assert isinstance(started, OnHost)
    name = started.words[started.words.index("--name") + 1]
    assert first.question.words == ("docker", "rm", "--force", "--volumes", name)
    assert (first.question.privilege, started.privilege) == ("engine", "engine")
    for words in (
        ("--label", "opsctl.probe=canary"),
        ("--health-cmd", "false"),
        ("--memory", "64m"),
        ("--rm",),
        ("sleep", "sha256:1", "600"),
    ):
        at = started.words.index(words[0])
        assert started.words[at : at + len(words)] == words
    (request, *_) = (one for one in asked if isinstance(one, Fetch))
    assert request.url == f"http://alertmanager:9093/api/v2/alerts?filter=name%3D%22{name}%22"


@pytest.mark.parametrize(
    "engine,result,words",
    [
        (Engine(), "fail", "no alert within 300 s: Alertmanager knows nothing"),
        (Engine(alert("active", "ContainerGone")), "fail", "no alert within"),
        (Engine(alert("suppressed")), "fail", "silenced or inhibited"),
        (Engine(code=125), "inconclusive", "the canary did not start: no such image"),
    ],
)
def test_a_canary_that_nobody_hears(engine: Engine, result: str, words: str, tmp_path: Path) -> None:
    found, asked = ask(project(tmp_path), "V-ALM-003", engine)
    assert (found.result, words in found.message) == (result, True), found
    assert [type(one) for one in asked[:4]] == [OwnTime, Claim, Leaving, OnHost]
    assert engine.now - NOW <= WITHIN


def test_a_canary_needs_somebody_who_looks(tmp_path: Path) -> None:
    root = project(tmp_path, [("    app: cadvisor\n", "")])
    found, _ = ask(root, "V-ALM-003", nobody)
    assert (found.result, found.message) == ("skip", "no cAdvisor looks at this host")
    check = check_of(all_checks(), "V-ALM-003")
    assert check.on_request
    assert check.timeout > WITHIN


def test_one_case_for_each_service(tmp_path: Path) -> None:
    root = project(tmp_path)
    for identity in (*READY, "V-CAD-001", "V-VMT-001", "V-VMT-002", "V-ALM-002", "V-ALM-003"):
        assert len(cases(root, identity)) == 1, identity
