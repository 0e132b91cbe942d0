"""Commands with a terminal, run by a process of their own behind a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ssh.sshd import Sshd

from opsctl.edges.ssh.known_hosts import HostKey

ATTACH = """
import sys
from pathlib import Path
from opsctl.argv.command import Command, script
from opsctl.edges.connect import open_connection
from opsctl.model.hosts import Environment, Host

kind, address, key, pin, tty, source = sys.argv[1:]
if kind == "local":
    host = Host(connection="local")
else:
    host = Host(addresses=(address,), user="root", identity_files=(key,), host_key=(pin,), ssh_config="none")
connection = open_connection("web", host, Environment(hosts=("web",)), Path("/"), directory="/opt/demo")
code = connection.shell.attach(Command(script(source), privilege="none"), tty=tty == "tty")
connection.close()
sys.exit(code)
"""


class Seen:
    """What a process printed on its terminal."""

    def __init__(self, terminal: int, process: subprocess.Popen[bytes]) -> None:
        self.terminal = terminal
        self.process = process
        self.text = ""

    def until(self, wanted: str, timeout: float = 8.0) -> None:
        deadline = time.monotonic() + timeout
        while wanted not in self.text:
            ready, _, _ = select.select([self.terminal], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{wanted!r} did not come; seen: {self.text!r}"
            self.text += os.read(self.terminal, 4096).decode()

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def arguments(sshd: Sshd, key: Path, tty: str, source: str, kind: str = "ssh") -> list[str]:
    pin = str(HostKey.parse(sshd.public()))
    return [sys.executable, "-c", ATTACH, kind, sshd.address, str(key), pin, tty, source]


@contextmanager
def on_a_terminal(words: list[str]) -> Iterator[Seen]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
    process = subprocess.Popen(
        words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
    )
    try:
        yield Seen(ours, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def test_a_terminal_is_passed_through(sshd: Sshd, client_key: Path) -> None:
    source = (
        'trap "stty size" WINCH; stty size; echo $TERM; read -r line; echo "<$line>"; read -r again; exit 7'
    )
    with on_a_terminal(arguments(sshd, client_key, "tty", source)) as seen:
        before = termios.tcgetattr(seen.terminal)
        seen.until("33 111")
        seen.until("xterm")
        assert termios.tcgetattr(seen.terminal)[3] != before[3], "raw while attached"

        seen.type("straße\r")
        seen.until("<straße>")
        seen.resize(40, 100)
        os.kill(seen.process.pid, 28)
        seen.type("\r")

        assert seen.process.wait(8) == 7
        assert termios.tcgetattr(seen.terminal) == before


def test_the_host_hears_of_a_new_size(sshd: Sshd, client_key: Path) -> None:
    source = 'echo ready; while [ "$(stty size)" != "40 100" ]; do sleep 0.02; done; echo resized'
    with on_a_terminal(arguments(sshd, client_key, "tty", source)) as seen:
        seen.until("ready")
        seen.resize(40, 100)
        os.kill(seen.process.pid, 28)
        seen.until("resized")

        assert seen.process.wait(8) == 0


def test_ctrl_c_goes_to_the_host(sshd: Sshd, client_key: Path) -> None:
    with on_a_terminal(
        arguments(sshd, client_key, "tty", "trap 'echo caught; exit 9' INT; echo ready; sleep 5 & wait")
    ) as seen:
        seen.until("ready")
        seen.type("\x03")
        seen.until("caught")

        assert seen.process.wait(8) == 9


def test_without_a_terminal_the_streams_are_plain_and_stdin_ends(sshd: Sshd, client_key: Path) -> None:
    words = arguments(sshd, client_key, "plain", "cat; echo err >&2; exit 5")

    done = subprocess.run(words, input=b"x" * 300_000, capture_output=True, timeout=10, check=False)

    assert (done.returncode, len(done.stdout), done.stderr) == (5, 300_000, b"err\n")


def test_a_local_command_has_the_terminal_itself(sshd: Sshd, client_key: Path) -> None:
    with on_a_terminal(arguments(sshd, client_key, "tty", "stty size; exit 6", kind="local")) as seen:
        seen.until("33 111")

        assert seen.process.wait(8) == 6
