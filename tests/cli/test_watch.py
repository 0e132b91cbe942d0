"""`opsctl verify --watch` from its words to its lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsctl.checks.leftovers import Leftover
from opsctl.edges import notify
from opsctl.errors import ConnectFailed
from opsctl.flows.checking.report import VerifyReport
from tests.cli import reports
from tests.cli.terminal import Ended, opsctl
from tests.fakes.edges import FakeClock
from tests.flows.test_watching import round_of

TELEGRAM = '[notify]\ntelegram = { token = { secret = "bot_token" }, chat = "-100" }\n'


class ThreeRounds(FakeClock):
    """^C in the third pause."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if len(self.slept) == 3:
            raise KeyboardInterrupt


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[VerifyReport]:
    """What is found round after round."""
    monkeypatch.setenv("TZ", "UTC")
    found = [round_of("pass"), round_of("fail"), round_of("fail")]
    monkeypatch.setattr("opsctl.flows.verify.verify", lambda *_args, **_options: found.pop(0))
    return found


def run(project: Path, *options: str) -> Ended:
    return opsctl("verify", "lab", "--watch", *options, project=project, clock=ThreeRounds(reports.NOON))


@pytest.mark.usefixtures("rounds")
def test_what_changes_is_a_line_and_the_end_is_an_interruption(project: Path) -> None:
    ended = run(project, "--every", "30s")
    first, second = ended.out.splitlines()
    assert first == "prod: 1 check, all passed  0.0 s"
    assert second.split(maxsplit=2)[2] == "fail          V-CTR-001  web  api  it is fail  was pass"
    assert (ended.code, ended.err) == (130, "interrupted\n")


def test_what_a_dead_run_left_is_a_line_too(project: Path, rounds: list[VerifyReport]) -> None:
    rounds[1] = replace(rounds[0], leftovers=(Leftover("web", "opsctl-canary-1", "removed"),))
    rounds[2] = rounds[0]
    _first, second = run(project).out.splitlines()
    assert second == "removed  opsctl-canary-1 on web: a run that was killed had left it"


@pytest.mark.usefixtures("rounds")
def test_as_json_each_change_is_a_line(project: Path) -> None:
    lines = run(project, "--json").out.splitlines()
    change = json.loads(lines[0])
    assert change == {
        "at": reports.NOON + 60,
        "check": "V-CTR-001",
        "host": "web",
        "service": "api",
        "subject": None,
        "result": "fail",
        "before": "pass",
        "message": "it is fail",
    }


@pytest.mark.usefixtures("rounds")
def test_the_metrics_are_written_each_round(project: Path, tmp_path: Path) -> None:
    run(project, "--prometheus", str(tmp_path / "opsctl.prom"))
    assert (
        f'timestamp_seconds{{environment="prod"}} {int(reports.NOON) + 120}\n'
        in (tmp_path / "opsctl.prom").read_text()
    )


@pytest.mark.usefixtures("rounds")
def test_whom_hosts_toml_names_is_told_and_the_token_is_seen_nowhere(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Any, str]] = []
    monkeypatch.setattr(notify, "send", lambda recipient, text: sent.append((recipient, text)))
    (project / "hosts.toml").write_text((project / "hosts.toml").read_text() + TELEGRAM)
    ended = run(project, "--notify")
    ((recipient, text),) = sent
    assert (recipient.api, recipient.chat) == ("https://api.telegram.org", "-100")
    assert len(recipient.token) > 20
    assert recipient.token not in ended.out + ended.err
    assert "FAILED  V-CTR-001 web api" in text


def test_a_connection_that_was_lost_is_dialled_anew_in_the_same_round(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = VerifyReport("lab", (), {"web": ConnectFailed("lost", where="web")})
    found = [round_of("pass"), lost, round_of("pass"), lost, lost, lost]
    forgotten: list[str] = []
    monkeypatch.setattr("opsctl.flows.verify.verify", lambda *_args, **_options: found.pop(0))
    monkeypatch.setattr("opsctl.flows.dial.Dialler.forget", lambda _self, host: forgotten.append(host))
    ended = run(project)
    assert len(ended.out.splitlines()) == 2
    assert "host  web  lost" in ended.out
    assert forgotten == ["web"] * 3
    assert len(found) == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--watch", "--allow-metered"],
        ["--watch", "--junit", "x.xml"],
        ["--watch", "--all"],
        ["--watch", "--every", "1s"],
        ["--watch", "--every", "soon"],
        ["--watch", "--notify"],
        ["--every", "60s"],
        ["--notify"],
        ["--after", "3"],
    ],
)
def test_options_that_make_no_sense_together_are_refused(project: Path, options: Sequence[str]) -> None:
    ended = opsctl("verify", "lab", *options, project=project)
    assert (ended.code, ended.out) == (2, "")


@pytest.mark.parametrize(
    "table, told",
    [
        ("[notify]\n", "names not exactly one recipient"),
        (
            '[notify]\npost = { secret = "a" }\napprise = { secret = "b" }\n',
            "names not exactly one recipient",
        ),
        ('[notify]\ntelegramm = { secret = "a" }\n', "telegram"),
    ],
)
def test_a_table_that_names_nobody_or_several_is_a_problem(project: Path, table: str, told: str) -> None:
    (project / "hosts.toml").write_text((project / "hosts.toml").read_text() + table)
    ended = opsctl("verify", "lab", "--watch", "--notify", project=project)
    assert ended.code == 2
    assert told in ended.err
