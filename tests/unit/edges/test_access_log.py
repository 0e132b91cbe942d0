"""The access log on a real disk: appended to by several at once, torn by a power cut, in the way of other things."""

from __future__ import annotations

import fcntl
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from opsctl.edges import access_log
from opsctl.edges.access_log import AccessLog, viewer
from opsctl.errors import OperationFailed
from opsctl.secrets.access import Access, Flaw

SHOWN = Access(1790000000.0, "alice", "desk", "prod", "db_password", "show", "v3", "login fails")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "opsctl" / "shop" / "access.jsonl"


def test_what_is_appended_is_there_in_order_and_private(path: Path) -> None:
    exported = replace(SHOWN, action="export", secret="api_token")
    AccessLog(path).append(SHOWN)
    AccessLog(path).append(exported, SHOWN)

    assert AccessLog(path).accesses() == (SHOWN, exported, SHOWN)
    assert AccessLog(path).verify() is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_log_that_is_not_there_is_empty(path: Path) -> None:
    assert AccessLog(path).accesses() == ()
    assert AccessLog(path).verify() is None
    assert not path.parent.exists()


def test_a_log_that_was_opened_to_others_is_closed_again(path: Path) -> None:
    AccessLog(path).append(SHOWN)
    path.chmod(0o644)
    AccessLog(path).append(SHOWN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_long_reasons_do_not_break_the_chain(path: Path) -> None:
    for length in (access_log._CHUNK - 400, access_log._CHUNK, 3 * access_log._CHUNK, 0):
        AccessLog(path).append(replace(SHOWN, reason="x" * length))
    assert AccessLog(path).verify() is None


# Says that it is there, and begins when it is told to.
_RUN = """
import sys
from pathlib import Path
from opsctl.edges.access_log import AccessLog
from opsctl.secrets.access import Access
path, user = sys.argv[1:]
access = Access(1790000000.0, user, "desk", "prod", "db_password", "show", "v3", "login fails")
print(flush=True)
input()
for _ in range(100):
    AccessLog(Path(path)).append(access, access)
"""


def test_several_runs_append_in_turn(path: Path) -> None:
    with ExitStack() as stack:
        runs = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _RUN, path, user], stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            )
            for user in ("alice", "bob", "carol")
        ]
        for run in runs:
            assert run.stdout
            assert run.stdout.readline() == b"\n"
        for run in runs:
            assert run.stdin
            run.stdin.write(b"\n")
            run.stdin.flush()
        assert [run.wait(60) for run in runs] == [0, 0, 0]
    assert AccessLog(path).verify() is None
    users = [access.user for access in AccessLog(path).accesses()]
    assert {user: users.count(user) for user in users} == {"alice": 200, "bob": 200, "carol": 200}
    assert users[::2] == users[1::2], "what is appended together stands together"


@pytest.mark.parametrize("kept", [1, 30, -2])
def test_a_torn_last_line_is_told_and_stops_nothing(path: Path, kept: int) -> None:
    AccessLog(path).append(SHOWN, SHOWN)
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:kept])
    assert AccessLog(path).verify() == Flaw(2, "it was not written to its end", torn=True)

    AccessLog(path).append(replace(SHOWN, user="bob"))

    assert AccessLog(path).verify() is None
    told = AccessLog(path).accesses()
    assert [(one.action, one.user) for one in told] == [("show", "alice"), ("repair", "bob"), ("show", "bob")]
    assert path.read_bytes().startswith(first + second[:kept] + b"\n")


def test_a_line_that_lacks_only_its_end_needs_no_repair(path: Path) -> None:
    AccessLog(path).append(SHOWN)
    path.write_bytes(path.read_bytes()[:-1])
    AccessLog(path).append(SHOWN)
    assert AccessLog(path).verify() is None
    assert AccessLog(path).accesses() == (SHOWN, SHOWN)


def test_an_edited_last_line_is_not_made_good_by_the_next(path: Path) -> None:
    AccessLog(path).append(SHOWN)
    path.write_bytes(path.read_bytes().replace(b"alice", b"carol"))
    AccessLog(path).append(SHOWN)
    assert AccessLog(path).verify() == Flaw(1, "it is not as opsctl wrote it")


@pytest.mark.parametrize("in_the_way", ["a folder", "a link", "a pipe", "a file for a folder"])
def test_what_cannot_be_written_is_refused_with_a_hint(path: Path, tmp_path: Path, in_the_way: str) -> None:
    if in_the_way == "a file for a folder":
        path.parent.parent.mkdir(parents=True)
        path.parent.touch()
    else:
        path.parent.mkdir(parents=True)
    if in_the_way == "a folder":
        path.mkdir()
    elif in_the_way == "a link":
        (tmp_path / "other").touch()
        path.symlink_to(tmp_path / "other")
    elif in_the_way == "a pipe":
        os.mkfifo(path)

    with pytest.raises(OperationFailed, match="cannot write the access log") as refused:
        AccessLog(path).append(SHOWN)
    assert "not logged first" in refused.value.hint
    if in_the_way == "a link":
        assert (tmp_path / "other").read_bytes() == b""


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_on_a_full_disk_nothing_is_half_written(path: Path) -> None:
    AccessLog(path).append(SHOWN)
    whole = path.read_bytes()

    with room_for(len(whole) + 100), pytest.raises(OperationFailed, match="cannot write the access log"):
        AccessLog(path).append(SHOWN)

    assert path.read_bytes() == whole


def test_a_log_that_another_process_holds_is_not_waited_for_without_end(path: Path) -> None:
    AccessLog(path).append(SHOWN)
    log = AccessLog(path, patience=0.1)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OperationFailed, match=r"another process has held it for 0\.1 s"):
            log.append(SHOWN)
        with pytest.raises(OperationFailed, match="cannot read the access log"):
            log.verify()


def test_who_looks_is_told_by_the_machine_not_by_a_variable(tmp_path: Path) -> None:
    environ = {"USER": "mallory", "LOGNAME": "mallory", "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    found = viewer(environ, tmp_path)
    assert (
        found.user == subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    )
    assert found.email == ""

    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "config", "user.email", "alice@example.org"], check=True)
    assert viewer(environ, tmp_path).email == "alice@example.org"
    assert viewer({**environ, "PATH": ""}, tmp_path).email == ""


@pytest.mark.skipif(os.getuid() != 0, reason="sudo makes one root")
def test_behind_sudo_it_is_who_typed_it(tmp_path: Path) -> None:
    assert viewer({"SUDO_USER": "alice"}, tmp_path).user == "alice"
