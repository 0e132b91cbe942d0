"""A container for one question: its script on a real shell, with a docker that writes down what it was told."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from opsctl.argv.command import Command
from opsctl.argv.throwaway import throwaway
from opsctl.model.values import Unfit

DOCKER = """\
#!/bin/sh
here=$HERE
printf '%s\\n' "$*" >>"$here/calls"
case $1 in
ps) cat "$here/left" 2>/dev/null ;;
run)
    while [ "$1" != --env-file ]; do shift; done
    printf '%s\\n' "$2" >"$here/folder"
    cat "$2" >"$here/env"
    [ -e "$here/slow" ] && exec sleep 30
    cat >"$here/stdin"
    exit "$(cat "$here/code" 2>/dev/null || echo 0)"
    ;;
esac
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir(parents=True)
    (tmp_path / "top" / ".opsctl").mkdir(parents=True)
    (tmp_path / "top" / ".opsctl" / "lease").write_text('{"run": "r1"}\n')
    docker = tmp_path / "bin" / "docker"
    docker.write_text(DOCKER.replace("$HERE", str(tmp_path)))
    docker.chmod(0o755)
    return tmp_path


def command(here: Path, env: dict[str, str] | None = None, timeout: float = 20.0) -> Command:
    return throwaway(
        str(here / "top"),
        "r1",
        image="lab/app:2",
        words=("app", "check", "-"),
        stdin=b"config\n",
        env=env if env is not None else {"TOKEN": "canary", "A": "b c"},
        capabilities=("NET_BIND_SERVICE",),
        timeout=timeout,
    )


def started(here: Path, asked: Command) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        asked.words,
        stdin=subprocess.PIPE,
        env={"PATH": f"{here / 'bin'}:{os.environ['PATH']}"},
        start_new_session=True,
    )


def run(here: Path, asked: Command) -> int:
    process = started(here, asked)
    process.communicate(asked.stdin, timeout=30)
    return process.returncode


def calls(here: Path) -> list[str]:
    return (here / "calls").read_text().splitlines()


def gone(here: Path) -> bool:
    """Whether the folder with the variables is no more."""
    return not Path((here / "folder").read_text().strip()).parent.exists()


def test_it_gets_variables_and_stdin_and_is_bounded(here: Path) -> None:
    asked = command(here)
    assert run(here, asked) == 0
    assert (here / "env").read_text() == "TOKEN=canary\nA=b c\n"
    assert (here / "stdin").read_text() == "config\n"
    (told,) = [one for one in calls(here) if one.startswith("run ")]
    for words in (
        "--rm --pull never --interactive --network none",
        "--cap-drop ALL --security-opt no-new-privileges",
        "--pids-limit 256",
        "--memory 536870912",
        "--cap-add NET_BIND_SERVICE",
        "--label opsctl.probe=r1",
        f"--label opsctl.directory={here / 'top'}",
    ):
        assert words in told
    assert told.endswith("--entrypoint app lab/app:2 check -")
    assert "canary" not in str(asked)
    assert calls(here)[-1].startswith("rm --force --volumes opsctl-trial-r1-")
    assert gone(here)


def test_it_runs_as_a_user_that_is_named(here: Path) -> None:
    as_named = throwaway(
        str(here / "top"),
        "r1",
        image="lab/app:2",
        words=("app",),
        stdin=b"",
        env={},
        timeout=20.0,
        user="boss",
    )
    assert run(here, command(here)) == run(here, as_named) == 0
    assert [" --user boss " in one for one in calls(here) if one.startswith("run ")] == [False, True]


def test_the_exit_code_is_the_programs(here: Path) -> None:
    (here / "code").write_text("3")
    assert run(here, command(here)) == 3
    assert gone(here)


def test_what_dead_runs_left_is_removed_first(here: Path) -> None:
    (here / "left").write_text("c1\nc2\n")
    assert run(here, command(here)) == 0
    told = calls(here)
    assert told[:3] == [
        f"ps --all --quiet --filter label=opsctl.directory={here / 'top'} --filter label=opsctl.probe",
        "rm --force --volumes c1",
        "rm --force --volumes c2",
    ]


def test_out_of_time_it_is_removed(here: Path) -> None:
    (here / "slow").touch()
    assert run(here, command(here, timeout=0.5)) == 124
    assert calls(here)[-1].startswith("rm --force --volumes opsctl-trial-r1-")
    assert gone(here)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_ended_from_outside_it_is_removed(here: Path, sign: signal.Signals) -> None:
    (here / "slow").touch()
    asked = command(here)
    process = started(here, asked)
    assert process.stdin is not None
    process.stdin.write(asked.stdin)
    process.stdin.close()
    deadline = time.monotonic() + 20
    while not (here / "env").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, sign)
    process.wait(timeout=20)
    while not gone(here) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(here)
    assert calls(here)[-1].startswith("rm --force --volumes opsctl-trial-r1-")


def test_without_the_lease_nothing_is_made(here: Path) -> None:
    (here / "top" / ".opsctl" / "lease").write_text('{"run": "r2"}\n')
    assert run(here, command(here)) == 75
    assert not (here / "calls").exists()


def test_a_variable_with_a_line_break_is_told(here: Path) -> None:
    with pytest.raises(Unfit, match="PEM has a line break"):
        command(here, {"PEM": "a\nb"})
