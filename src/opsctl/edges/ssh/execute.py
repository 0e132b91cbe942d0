"""One command on one channel, from its words to its exit code."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from paramiko import SSHException

from opsctl.edges.ssh.wire import OwnedChannel

_CHUNK = 2**15
_ALL = 2**30
_ENDS_WITHIN = 0.5
"""Seconds that a command is waited for which was told to stop; after them its stdin ends."""
# How a channel says that it is closed, or that the connection broke.
_BROKEN = (SSHException, EOFError, OSError)


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
    left = _until(timeout)
    channel.start(line)
    return _end(channel, left, in_time=_give(channel, stdin, left))


def feed(channel: OwnedChannel, line: str, chunks: Iterable[bytes], silence: float) -> Ended:
    """As `execute`, with chunks for stdin. The time is up when the command takes nothing for so many seconds, or has not
    ended so long after its stdin has; the time in which `chunks` gives nothing is not counted.

    Where `chunks` raises, and on Ctrl-C, the process group is sent TERM before its stdin ends. sshd signals only what the
    login user may, and nothing for root (OpenSSH 9.2, session.c: "session signalling requires
    privilege separation").
    """
    in_time = True
    try:
        channel.start(line)
        for chunk in chunks:
            in_time = _give(channel, chunk, lambda: silence)
            if channel.closed or not in_time:
                break
        return _end(channel, _until(silence), in_time=in_time)
    except BaseException:
        _stop(channel)
        raise


def _end(channel: OwnedChannel, left: Callable[[], float], *, in_time: bool) -> Ended:
    """Collect what the command prints until it ends; without that wait where the time is up already."""
    stdout, stderr = bytearray(), bytearray()
    if in_time:
        with contextlib.suppress(*_BROKEN):
            channel.end_input()
        in_time = _drain(channel, stdout, stderr, left) and channel.status_event.wait(left())
    if not in_time:
        _drain(channel, stdout, stderr, lambda: 0.0)
        channel.signal("TERM")
    code = channel.exit_status if channel.exit_status >= 0 and in_time else None
    return Ended(code, bytes(stdout), bytes(stderr), not in_time)


def _give(channel: OwnedChannel, data: bytes, left: Callable[[], float]) -> bool:
    """Send all, or what the command takes: it may end without reading its stdin, as `true` does. False: out of time."""
    for start in range(0, len(data), _CHUNK):
        chunk = data[start : start + _CHUNK]
        while chunk and not channel.closed:
            channel.settimeout(left())
            try:
                chunk = chunk[channel.send(chunk) :]
            except TimeoutError:
                return False
            except _BROKEN:
                return True
    return True


def _stop(channel: OwnedChannel) -> None:
    with contextlib.suppress(*_BROKEN):
        channel.signal("TERM")
    channel.status_event.wait(_ENDS_WITHIN)


def _drain(channel: OwnedChannel, stdout: bytearray, stderr: bytearray, left: Callable[[], float]) -> bool:
    """Collect both to their ends. False: out of time."""
    in_time = True
    for receive, into in ((channel.recv, stdout), (channel.recv_stderr, stderr)):
        try:
            while True:
                channel.settimeout(left())
                if not (part := receive(_ALL)):
                    break
                into.extend(part)
        except TimeoutError:
            in_time = False
    return in_time


def _until(seconds: float) -> Callable[[], float]:
    """What is left of so many seconds from now."""
    deadline = time.monotonic() + seconds
    return lambda: max(0.0, deadline - time.monotonic())
