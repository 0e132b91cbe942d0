"""One command on one channel, from its words to its exit code."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from opsctl.edges.ssh.wire import OwnedChannel

_CHUNK = 2**15
_ALL = 2**30


class Ended(NamedTuple):
    """`code` is None where the host gave none: a signal ended the command, the time was up, or the connection broke."""

    code: int | None
    stdout: bytes
    stderr: bytes
    timed_out: bool


def shell_line(words: Iterable[str]) -> str:
    """The words as one line for the login shell. Raises ValueError for NUL, which no argument can hold."""
    line = shlex.join(words)
    if "\0" in line:
        raise ValueError("an argument of a command cannot hold a NUL byte")
    return line


def execute(channel: OwnedChannel, line: str, stdin: bytes, timeout: float) -> Ended:
    """Run a command to its end; when the time is up its process group is sent TERM.

    The window of the channel is larger than anything that is collected here, so the reading thread takes in stdout and
    stderr together whatever this one waits for, and a command that prints while it is fed cannot block.
    """
    deadline = time.monotonic() + timeout
    stdout, stderr = bytearray(), bytearray()
    timed_out = False
    try:
        channel.start(line)
        _feed(channel, stdin, deadline)
        channel.end_input()
        _drain(channel, channel.recv, stdout, deadline)
        _drain(channel, channel.recv_stderr, stderr, deadline)
        timed_out = not channel.status_event.wait(_left(deadline))
    except TimeoutError:
        timed_out = True
        with contextlib.suppress(TimeoutError):
            _drain(channel, channel.recv, stdout, deadline)
        with contextlib.suppress(TimeoutError):
            _drain(channel, channel.recv_stderr, stderr, deadline)
    if timed_out:
        channel.signal("TERM")
    code = channel.exit_status if channel.exit_status >= 0 and not timed_out else None
    return Ended(code, bytes(stdout), bytes(stderr), timed_out)


def _feed(channel: OwnedChannel, data: bytes, deadline: float) -> None:
    """Send all, or what the command takes: it may end without reading its stdin, as `true` does."""
    for start in range(0, len(data), _CHUNK):
        chunk = data[start : start + _CHUNK]
        while chunk and not channel.closed:
            channel.settimeout(_left(deadline))
            try:
                chunk = chunk[channel.send(chunk) :]
            except TimeoutError:
                raise
            except OSError:
                return


def _drain(channel: OwnedChannel, receive: Callable[[int], bytes], into: bytearray, deadline: float) -> None:
    while True:
        channel.settimeout(_left(deadline))
        part = receive(_ALL)
        if not part:
            return
        into += part


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
