"""Commands over a real sshd."""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ssh.conftest import Connect
from tests.ssh.sshd import Sshd, run_sshd

from opsctl.argv.command import Command, script
from opsctl.errors import ConnectFailed

FIVE_MB = 5 * 2**20


def test_exit_code_and_both_streams_come_back(sshd: Sshd, connect: Connect) -> None:
    connection = connect(sshd)

    done = connection.shell.run(Command(script("echo out; echo err >&2; exit 3")))

    assert (done.code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_commands_speak_english_and_see_an_ended_stdin(sshd: Sshd, connect: Connect) -> None:
    done = connect(sshd).shell.run(Command(script("cat; echo $LC_ALL; cat /nonexistent")))

    assert done.stdout == b"C\n"
    assert b"No such file" in done.stderr


def test_five_megabytes_on_both_streams_at_once_are_drained_together(sshd: Sshd, connect: Connect) -> None:
    both = f"head -c {FIVE_MB} /dev/zero & head -c {FIVE_MB} /dev/zero >&2; wait"

    done = connect(sshd).shell.run(Command(script(both), timeout=20))

    assert (done.code, len(done.stdout), len(done.stderr)) == (0, FIVE_MB, FIVE_MB)


def test_stdin_is_streamed_while_output_comes_back(sshd: Sshd, connect: Connect) -> None:
    data = os.urandom(FIVE_MB)

    done = connect(sshd).shell.run(Command(("tee", "/dev/stderr"), stdin=data, timeout=20))

    assert done.ok
    assert (
        hashlib.sha256(done.stdout).digest()
        == hashlib.sha256(done.stderr).digest()
        == hashlib.sha256(data).digest()
    )


def test_commands_that_do_not_read_their_stdin_leave_the_connection_alone(
    sshd: Sshd, connect: Connect
) -> None:
    """Data or EOF after the host closed a channel would make sshd drop the whole connection."""
    connection = connect(sshd)

    codes = [connection.shell.run(Command(("true",), stdin=b"x" * 200_000)).code for _ in range(60)]

    assert codes == [0] * 60


def test_a_timeout_says_so_and_leaves_the_connection_usable(sshd: Sshd, connect: Connect) -> None:
    connection = connect(sshd)

    late = connection.shell.run(Command(script("echo started; sleep 5"), timeout=0.3))

    assert late.code == -1
    assert late.stdout == b"started\n"
    assert b"not ended after 0.3 s" in late.stderr
    assert connection.shell.run(Command(("true",))).ok


def test_a_timeout_also_holds_while_the_command_does_not_read(sshd: Sshd, connect: Connect) -> None:
    late = connect(sshd).shell.run(Command(("sleep", "5"), stdin=b"x" * FIVE_MB, timeout=0.3))

    assert late.code == -1


def test_a_signal_is_told_from_a_lost_connection(sshd: Sshd, connect: Connect) -> None:
    connection = connect(sshd)

    assert connection.shell.run(Command(script("kill -9 $$"))).code == -1
    assert connection.shell.run(Command(("true",))).ok


def test_a_connection_that_is_killed_under_a_command_is_lost_at_once(
    tmp_path: Path, client_key: Path, connect: Connect
) -> None:
    with run_sshd(tmp_path / "sshd", [client_key]) as server:
        connection = connect(server)
        [child] = server.connections()
        killer = threading.Timer(0.2, os.kill, (child, signal.SIGKILL))
        killer.start()
        began = time.monotonic()

        with pytest.raises(ConnectFailed, match="web: the connection was lost"):
            connection.shell.run(Command(("sleep", "10")))
        with pytest.raises(ConnectFailed, match="web: the connection was lost"):
            connection.shell.run(Command(("true",)))

        assert time.monotonic() - began < 3
        killer.join()


def test_more_channels_than_the_server_allows(tmp_path: Path, client_key: Path, connect: Connect) -> None:
    with run_sshd(tmp_path / "sshd", [client_key], "MaxSessions 1") as server:
        connection = connect(server)
        session = connection.shell.open(Command(("cat",)))

        with pytest.raises(ConnectFailed, match="MaxSessions"):
            connection.shell.run(Command(("true",)))

        session.send("bye")
        assert session.receive(5) == "bye"


def test_a_command_waits_for_another_to_end_where_the_server_allows_few(
    tmp_path: Path, client_key: Path, connect: Connect
) -> None:
    with run_sshd(tmp_path / "sshd", [client_key], "MaxSessions 2") as server:
        connection = connect(server)
        codes: list[int] = []
        threads = [
            threading.Thread(
                target=lambda: codes.append(connection.shell.run(Command(("sleep", "0.1"))).code)
            )
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert codes == [0] * 5


def test_a_server_that_runs_no_commands(tmp_path: Path, client_key: Path, connect: Connect) -> None:
    with run_sshd(tmp_path / "sshd", [client_key], "ForceCommand /nonexistent") as server:
        assert connect(server).shell.run(Command(("true",))).code == 127


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=60)
)
def test_any_words_arrive_as_they_are(sshd: Sshd, quoting: Connect, words: list[str]) -> None:
    done = quoting(sshd).shell.run(Command(("printf", r"%s\0", "first", *words)))

    assert done.stdout.split(b"\0")[:-1] == [word.encode() for word in ("first", *words)]


@pytest.fixture
def quoting(connect: Connect, sshd: Sshd) -> Connect:
    """One connection for all examples."""
    connection = connect(sshd)
    return lambda _: connection


def test_nul_is_refused(sshd: Sshd, connect: Connect) -> None:
    with pytest.raises(ValueError, match="NUL"):
        connect(sshd).shell.run(Command(("echo", "a\0b")))


def test_stdin_never_shows_in_a_process_list(sshd: Sshd, connect: Connect) -> None:
    canary = b"canary-" + os.urandom(8).hex().encode()

    done = connect(sshd).shell.run(
        Command(
            script("read -r secret; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null"),
            stdin=canary + b"\n",
        )
    )

    assert canary not in done.stdout
    assert b"sshd" in done.stdout


def test_channels_are_counted_by_kind(sshd: Sshd, connect: Connect) -> None:
    connection = connect(sshd)
    connection.shell.run(Command(("true",)))
    connection.shell.run(Command(("true",)))
    connection.shell.open(Command(("cat",))).close()

    assert connection.channels == {"exec": 2, "session": 1}


def test_threads_share_a_connection(sshd: Sshd, connect: Connect) -> None:
    connection = connect(sshd)
    codes: list[int] = []

    def run(number: int) -> None:
        codes.append(connection.shell.run(Command(script(f"exit {number}"))).code)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == list(range(8))


class TestSession:
    def test_lines_go_in_and_come_out(self, sshd: Sshd, connect: Connect) -> None:
        session = connect(sshd).shell.open(
            Command(script('echo ready; while read -r line; do echo "got $line"; done'))
        )

        assert session.receive(5) == "ready"
        session.send("one")
        assert session.receive(5) == "got one"
        with pytest.raises(TimeoutError):
            session.receive(0.05)
        session.close()

    def test_an_ended_command_gives_its_rest_its_code_and_its_stderr(
        self, sshd: Sshd, connect: Connect
    ) -> None:
        session = connect(sshd).shell.open(Command(script("echo why >&2; printf rest; exit 75")))

        assert session.receive(5) == "rest"
        assert session.receive(5) is None
        assert session.exit_code(5) == 75
        assert session.stderr() == b"why\n"
        with pytest.raises(ConnectFailed):
            session.send("late")

    def test_a_killed_connection_ends_a_session_promptly(
        self, tmp_path: Path, client_key: Path, connect: Connect
    ) -> None:
        with run_sshd(tmp_path / "sshd", [client_key]) as server:
            session = connect(server).shell.open(Command(("cat",)))
            [child] = server.connections()
            os.kill(child, signal.SIGKILL)
            began = time.monotonic()

            assert session.receive(10) is None
            with pytest.raises(ConnectFailed):
                session.send("beat")
            assert time.monotonic() - began < 1

    def test_closing_it_ends_the_command_that_reads(
        self, sshd: Sshd, connect: Connect, tmp_path: Path
    ) -> None:
        connection = connect(sshd)
        mark = tmp_path / "ended"
        session = connection.shell.open(Command(script('echo on; cat; echo x > "$1"', str(mark))))
        assert session.receive(5) == "on"

        session.close()

        deadline = time.monotonic() + 3
        while not mark.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert mark.exists()


def test_the_words_of_a_command_are_all_that_the_shell_is_given(sshd: Sshd, connect: Connect) -> None:
    words = ("echo", "$HOME", "`id`", "a b")

    assert connect(sshd).shell.line(Command(words)) == "exec env LC_ALL=C " + shlex.join(words)
