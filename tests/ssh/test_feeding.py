"""Streams for the stdin of commands, over a real sshd and on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.here import local_shell
from tests.ssh.conftest import Connect
from tests.ssh.feeding import MEGABYTE, Source, forget_peak, peak
from tests.ssh.sshd import OPERATOR, Sshd, run_sshd

from opsctl.argv.command import Command, script
from opsctl.edges.ports import Shell
from opsctl.errors import ConnectFailed

# Takes its stdin to a file, and would call that whole if its stdin simply ended.
_TAKE = script('echo $$ >"$1.pid"; cat >"$1.part" && mv "$1.part" "$1"', "$0")


def take(path: Path) -> Command:
    return Command((*_TAKE[:-1], str(path)), timeout=20, privilege="none")


@pytest.fixture(params=["ssh", "local"])
def shell(request: pytest.FixtureRequest, sshd: Sshd, connect: Connect) -> Shell:
    if request.param == "ssh":
        return connect(sshd).shell
    return local_shell()


def test_200_megabytes_arrive_byte_by_byte_in_little_memory(shell: Shell) -> None:
    shell.feed(Command(("cat",), timeout=20), [b"warm"])
    source = Source(200 * MEGABYTE)
    before = forget_peak()

    done = shell.feed(Command(("sha256sum",), timeout=20), source)

    assert source.given >= 200 * MEGABYTE
    assert done.stdout.decode().split()[0] == source.digest
    assert done.ok
    assert peak() - before < 24 * MEGABYTE


def test_a_stream_survives_new_keys_in_the_middle(tmp_path: Path, client_key: Path, connect: Connect) -> None:
    with run_sshd(tmp_path / "sshd", [client_key], "RekeyLimit 16M") as server:
        source = Source(80 * MEGABYTE)

        done = connect(server).shell.feed(Command(("sha256sum",), timeout=20), source)

        assert done.stdout.decode().split()[0] == source.digest


def test_what_it_prints_meanwhile_comes_back(shell: Shell) -> None:
    source = Source(3 * MEGABYTE)

    done = shell.feed(Command(("tee", "/dev/stderr"), timeout=20), source)

    assert (len(done.stdout), len(done.stderr)) == (source.given, source.given)


def test_a_command_that_ends_early_is_asked_no_more(shell: Shell) -> None:
    source = Source(200 * MEGABYTE)

    done = shell.feed(Command(script("head -c 10; echo enough >&2; exit 3"), timeout=20), source)

    assert (done.code, len(done.stdout), done.stderr) == (3, 10, b"enough\n")
    assert source.given < 100 * MEGABYTE
    assert shell.run(Command(("true",))).ok


def test_nothing_at_all_is_a_stream_too(shell: Shell) -> None:
    assert shell.feed(Command(("wc", "-c"), timeout=20), []).stdout.strip() == b"0"


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError, ValueError])
@pytest.mark.parametrize("user", ["", OPERATOR], ids=["here", "a user"])
def test_what_the_chunks_raise_ends_the_command_before_its_input(
    sshd: Sshd, connect: Connect, folder: Path, user: str, error: type[BaseException]
) -> None:
    shell = connect(sshd, user=user).shell if user else local_shell()
    folder.chmod(0o777)
    path = folder / "taken"

    with pytest.raises(error):
        shell.feed(take(path), _broken(path, error))

    assert _is_gone(path)
    assert not path.exists()
    assert shell.run(Command(("true",), privilege="none")).ok


def test_where_sshd_signals_nothing_a_broken_stream_ends(sshd: Sshd, connect: Connect, folder: Path) -> None:
    """For root: OpenSSH 9.2 session.c, session_signal_req, "session signalling requires privilege separation"."""
    shell = connect(sshd).shell
    path = folder / "taken"

    with pytest.raises(ValueError, match="broken"):
        shell.feed(take(path), _broken(path, ValueError))

    assert _is_gone(path)
    assert shell.run(Command(("true",))).ok


def _broken(path: Path, error: type[BaseException]) -> Iterator[bytes]:
    yield b"x" * MEGABYTE
    _wait_for(lambda: Path(f"{path}.part").exists())
    raise error("broken")


def _is_gone(path: Path) -> bool:
    pid = int(Path(f"{path}.pid").read_text())
    return _wait_for(lambda: not Path(f"/proc/{pid}").exists())


def test_a_command_that_takes_nothing_is_stopped_after_its_silence(shell: Shell) -> None:
    began = time.monotonic()

    done = shell.feed(Command(script("echo on; exec sleep 20"), timeout=0.5), Source(200 * MEGABYTE))

    assert done.code == -1
    assert done.stdout == b"on\n"
    assert b"no progress for 0.5 s" in done.stderr
    assert time.monotonic() - began < 5


def test_a_command_that_does_not_end_after_its_input_is_stopped(shell: Shell) -> None:
    done = shell.feed(Command(script("cat >/dev/null; echo all; exec sleep 20"), timeout=0.5), [b"x"])

    assert (done.code, done.stdout) == (-1, b"all\n")


def test_a_slow_stream_is_no_silence(shell: Shell) -> None:
    def slow() -> Iterator[bytes]:
        for _ in range(4):
            time.sleep(0.3)
            yield b"x"

    assert shell.feed(Command(("wc", "-c"), timeout=0.6), slow()).stdout.strip() == b"4"


def test_a_connection_that_breaks_in_the_middle_is_lost(
    tmp_path: Path, client_key: Path, connect: Connect
) -> None:
    with run_sshd(tmp_path / "sshd", [client_key]) as server:
        connection = connect(server)
        [child] = server.connections()

        def kill(given: int) -> None:
            if given > 20 * MEGABYTE:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

        source = Source(400 * MEGABYTE, on_chunk=kill)
        began = time.monotonic()

        with pytest.raises(ConnectFailed, match="web: the connection was lost"):
            connection.shell.feed(Command(("wc", "-c"), timeout=20), source)

        assert source.given < 400 * MEGABYTE
        assert time.monotonic() - began < 10


def test_a_connection_that_breaks_while_a_chunk_is_awaited_is_lost(
    tmp_path: Path, client_key: Path, connect: Connect
) -> None:
    with run_sshd(tmp_path / "sshd", [client_key]) as server:
        connection = connect(server)
        [child] = server.connections()

        def chunks() -> Iterator[bytes]:
            yield b"x"
            os.kill(child, signal.SIGKILL)
            time.sleep(0.5)
            yield b"x"
            raise AssertionError("a chunk was asked for after the connection was lost")

        with pytest.raises(ConnectFailed, match="web: the connection was lost"):
            connection.shell.feed(Command(("wc", "-c"), timeout=20), chunks())


def test_a_command_that_is_not_there_is_127_here(tmp_path: Path) -> None:
    done = local_shell().feed(Command((str(tmp_path / "absent"),)), Source(MEGABYTE))

    assert (done.code, done.stderr) == (127, f"{tmp_path}/absent: No such file or directory\n".encode())


def test_other_commands_run_beside_a_stream(sshd: Sshd, connect: Connect) -> None:
    connection = connect(sshd)
    codes: list[int] = []
    beside = threading.Thread(
        target=lambda: codes.extend(connection.shell.run(Command(("true",))).code for _ in range(20))
    )
    beside.start()

    done = connection.shell.feed(Command(("sha256sum",), timeout=20), Source(30 * MEGABYTE))
    beside.join()

    assert done.ok
    assert codes == [0] * 20


def _wait_for(met: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not met() and time.monotonic() < deadline:
        time.sleep(0.01)
    return met()
