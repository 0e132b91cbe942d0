"""A command on the host with this process's terminal."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import tty as terminal
from collections.abc import Iterator

from opsctl.edges.ssh.wire import OwnedChannel
from opsctl.errors import ConnectFailed

_CHUNK = 2**15


def pass_through(channel: OwnedChannel, line: str, *, tty: bool, where: str) -> int:
    """Run a command with our stdin, stdout and stderr; with `tty` on a terminal there as wide as the one here.

    Returns its exit code, 255 where a signal ended it, as ssh does. Raises ConnectFailed where the connection is lost.
    """
    stdin = sys.stdin.fileno()
    with contextlib.ExitStack() as stack:
        resized = stack.enter_context(_resizes())
        if tty:
            columns, rows = _size(stdin)
            channel.want_terminal(os.environ.get("TERM", "dumb"), columns, rows)
            if os.isatty(stdin):
                stack.enter_context(_raw(stdin))
        channel.start(line)
        _pump(channel, stdin, resized, tty=tty)
    if channel.refused:
        raise ConnectFailed("sshd does not run commands for this user", where=where)
    if channel.exit_status < 0 and not channel.eof_received:
        raise ConnectFailed("the connection was lost", where=where)
    return channel.exit_status if channel.exit_status >= 0 else 255


def _pump(channel: OwnedChannel, stdin: int, resized: int, *, tty: bool) -> None:
    channel.settimeout(None)
    watched = [channel.fileno(), stdin, resized]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if resized in ready:
            os.read(resized, _CHUNK)
            if tty:
                columns, rows = _size(stdin)
                channel.resize(columns, rows)
        if stdin in ready and not _forward(channel, stdin):
            watched.remove(stdin)
        if watched[0] in ready and not _show(channel):
            channel.status_event.wait(1.0)
            return


def _size(terminal: int) -> tuple[int, int]:
    """Columns and rows of the terminal itself: COLUMNS and LINES, where exported, do not follow a resize."""
    try:
        return os.get_terminal_size(terminal)
    except OSError:
        return 80, 24


def _forward(channel: OwnedChannel, stdin: int) -> bool:
    """Send what was typed; False at its end."""
    data = os.read(stdin, _CHUNK)
    if not data:
        channel.end_input()
        return False
    with contextlib.suppress(OSError):
        channel.sendall(data)
    return True


def _show(channel: OwnedChannel) -> bool:
    """Write what was printed; False at the end of both streams."""
    for ready, receive, stream in (
        (channel.recv_ready, channel.recv, sys.stdout),
        (channel.recv_stderr_ready, channel.recv_stderr, sys.stderr),
    ):
        while ready():
            stream.buffer.write(receive(_CHUNK))
            stream.flush()
    return not (channel.eof_received or channel.closed) or channel.recv_ready() or channel.recv_stderr_ready()


@contextlib.contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    before = termios.tcgetattr(descriptor)
    try:
        terminal.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _resizes() -> Iterator[int]:
    """A descriptor that can be read after the terminal changed its size. Only the main thread may have handlers."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    here = threading.current_thread() is threading.main_thread()

    def note(*_: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(writer, b"x")

    before = signal.signal(signal.SIGWINCH, note) if here else None
    try:
        yield reader
    finally:
        if here:
            signal.signal(signal.SIGWINCH, before)
        os.close(reader)
        os.close(writer)
