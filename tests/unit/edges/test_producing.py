"""The output of this machine's commands, streamed."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from tests.fakes.here import local_shell
from tests.ssh.feeding import MEGABYTE, forget_peak, peak

from opsctl.argv.command import Command, script
from opsctl.edges.local.shell import LocalShell
from opsctl.errors import CommandFailed, ConnectFailed


@pytest.fixture
def shell() -> LocalShell:
    return local_shell()


def test_200_megabytes_come_byte_by_byte_in_little_memory(shell: LocalShell, tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(os.urandom(MEGABYTE) * 200)
    with file.open("rb") as data:
        expected = hashlib.file_digest(data, "sha256").hexdigest()
    before, seen = forget_peak(), hashlib.sha256()

    for chunk in shell.produce(Command(("cat", str(file)))):
        seen.update(chunk)

    assert seen.hexdigest() == expected
    assert peak() - before < 24 * MEGABYTE


def test_a_failure_comes_after_the_last_chunk(shell: LocalShell) -> None:
    chunks = shell.produce(Command(script("printf part; echo why >&2; exit 3"), label="docker save"))

    assert next(chunks) == b"part"
    with pytest.raises(CommandFailed, match="docker save failed") as error:
        next(chunks)
    assert (error.value.where, error.value.evidence) == ("here", ("why",))


def test_a_signal_is_a_failure_too(shell: LocalShell) -> None:
    with pytest.raises(CommandFailed):
        list(shell.produce(Command(script("printf part; kill -9 $$"))))


def test_much_on_stderr_does_not_block_it(shell: LocalShell) -> None:
    assert list(shell.produce(Command(script("head -c 1000000 /dev/zero >&2; printf all")))) == [b"all"]


@pytest.mark.parametrize("words", ["printf part; exec sleep 20", "printf part; exec >&-; exec sleep 20"])
def test_silence_ends_it(shell: LocalShell, words: str) -> None:
    began = time.monotonic()

    with pytest.raises(CommandFailed, match=r"failed \(nothing for 0.3 s\)"):
        list(shell.produce(Command(script(words), timeout=0.3)))

    assert time.monotonic() - began < 5


def test_who_reads_no_further_ends_it(shell: LocalShell, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    chunks = shell.produce(Command(script('echo $$ >"$1"; echo on; exec sleep 60', str(pid))))
    next(chunks)

    chunks.close()

    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_nothing_is_on_its_stdin(shell: LocalShell) -> None:
    assert list(shell.produce(Command(("cat",), timeout=5))) == []


def test_a_command_that_is_not_there(shell: LocalShell) -> None:
    with pytest.raises(ConnectFailed, match="cannot start no-such-command"):
        list(shell.produce(Command(("no-such-command",))))
