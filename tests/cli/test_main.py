"""Every way out of a command: exit code, words on stderr or an envelope, and a crash that tells nothing."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from opsctl import __version__
from opsctl.errors import (
    ConnectFailed,
    HostErrors,
    InputError,
    LeaseHeld,
    OpsctlError,
    Problem,
    Refused,
)
from tests.cli.terminal import opsctl


def raising(error: BaseException) -> object:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


Arrange = Callable[[BaseException], None]


@pytest.fixture
def plan_raises(monkeypatch: pytest.MonkeyPatch) -> Arrange:
    def arrange(error: BaseException) -> None:
        monkeypatch.setattr("opsctl.flows.planning.make_plan", raising(error))

    return arrange


def test_version() -> None:
    assert opsctl("--version").out == f"opsctl {__version__}\n"


def test_an_error_ends_in_its_own_code_with_its_text_on_stderr(project: Path, plan_raises: Arrange) -> None:
    plan_raises(Refused("no", where="web", hint="ask again"))
    ended = opsctl("plan", "lab", project=project)
    assert (ended.code, ended.out, ended.err) == (4, "", "web: no\n\nhint: ask again\n")


def test_the_same_in_an_envelope(project: Path, plan_raises: Arrange) -> None:
    plan_raises(Refused("no", where="web", hint="ask again", evidence=["line"]))
    ended = opsctl("plan", "lab", "--json", project=project)
    assert (ended.code, ended.err) == (4, "")
    assert ended.envelope == {
        "opsctl": __version__,
        "schema": 1,
        "command": "plan",
        "environment": "lab",
        "exit": 4,
        "data": None,
        "errors": [
            {"host": None, "message": "web: no", "hint": "ask again", "exit": 4, "evidence": ["line"]}
        ],
    }


def test_every_problem_of_the_files_is_an_entry(project: Path, plan_raises: Arrange) -> None:
    plan_raises(InputError([Problem("hosts.toml", 3, "one"), Problem("stacks/a.yml", 0, "two", "mend it")]))
    ended = opsctl("plan", "lab", "--json", project=project)
    assert [(entry["message"], entry["hint"]) for entry in ended.envelope["errors"]] == [
        ("hosts.toml:3: one", None),
        ("stacks/a.yml: two", "mend it"),
    ]


def test_every_host_that_is_not_ready_is_an_entry(project: Path, plan_raises: Arrange) -> None:
    away = {name: ConnectFailed("no route", where=name) for name in ("lab-vpn", "lab-app")}
    plan_raises(HostErrors({**away, "lab-vpn": LeaseHeld("ann holds it", where="lab-vpn")}))
    ended = opsctl("plan", "lab", "--json", project=project)
    assert ended.code == ended.envelope["exit"] == 6
    assert [(entry["host"], entry["message"], entry["exit"]) for entry in ended.envelope["errors"]] == [
        ("lab-app", "lab-app: no route", 5),
        ("lab-vpn", "lab-vpn: ann holds it", 6),
    ]


def test_usage_errors_end_in_2(project: Path) -> None:
    ended = opsctl("plan", "--bogus", project=project)
    assert ended.code == 2
    assert ended.err.startswith("Usage: opsctl plan [OPTIONS] [ENV|SERVICE]...\n")
    assert "No such option: --bogus" in ended.err


def test_usage_errors_are_an_envelope_too(project: Path) -> None:
    ended = opsctl("status", "--json", "--bogus", project=project)
    assert (ended.code, ended.envelope["command"], ended.envelope["exit"]) == (2, "status", 2)
    assert "--bogus" in ended.envelope["errors"][0]["message"]


def test_a_json_flag_of_the_command_inside_is_not_ours(project: Path) -> None:
    ended = opsctl("exec", "--bogus", "api", "--", "tool", "--json", project=project)
    assert ended.err.startswith("Usage: opsctl exec")


def test_without_a_command_the_help_is_shown() -> None:
    for words in ((), ("hosts",)):
        ended = opsctl(*words)
        assert ended.code == 2
        assert ended.err == opsctl(*words, "--help").out
        assert "Commands:" in ended.err


def test_a_hosts_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").symlink_to("/proc/self/mem")  # a file that gives an error to root too
    ended = opsctl("plan", project=tmp_path)
    assert ended.code == 2
    assert ended.err.startswith(f"cannot read {tmp_path}/hosts.toml: ")


def test_a_folder_without_a_project_says_what_is_missing(tmp_path: Path) -> None:
    ended = opsctl("plan", project=tmp_path)
    assert ended.code == 2
    assert "hosts.toml" in ended.err


def test_an_interrupt_ends_in_130(project: Path, plan_raises: Arrange) -> None:
    plan_raises(KeyboardInterrupt())
    ended = opsctl("plan", "lab", project=project)
    assert (ended.code, ended.err) == (130, "interrupted\n")


def test_a_bug_ends_in_3_and_its_traceback_in_a_private_file_without_secrets(
    project: Path, plan_raises: Arrange, state_folder: Path
) -> None:
    plan_raises(OpsctlError("the first run makes the secrets up"))
    opsctl("plan", "lab", project=project)
    canary = _generated(project)
    plan_raises(RuntimeError(f"postgresql://u:{canary}@db"))
    ended = opsctl("plan", "lab", project=project)
    (crash,) = state_folder.glob("crash-*.txt")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == f"opsctl has a bug (RuntimeError); the traceback is in {crash}\n"
    assert stat.S_IMODE(crash.stat().st_mode) == 0o600
    assert "postgresql://u:***@db" in crash.read_text()
    assert canary not in crash.read_text()


def test_a_bug_whose_traceback_cannot_be_written_is_still_told(
    project: Path, plan_raises: Arrange, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    plan_raises(RuntimeError("x"))
    ended = opsctl("plan", "lab", project=project)
    assert ended.code == 3
    assert "could not be written" in ended.err


def _generated(project: Path) -> str:
    values: dict[str, str] = json.loads((project / "secrets" / "lab.generated.json").read_text())
    return values["db_password"]
