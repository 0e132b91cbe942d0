"""What a person is asked about a secret: its value, unseen, and why it is to be seen."""

from __future__ import annotations

import io
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from opsctl.cli.invocation import Invocation
from opsctl.errors import UsageError

# Linux, drivers/tty/n_tty.c: a line in canonical mode holds 4095 bytes and its end; what is over is dropped.
_LONGEST_LINE = 4095


def read_value(invocation: Invocation, name: str) -> str:
    """A secret's value: asked for twice on a terminal, else all of stdin without one newline at its end.

    Raises UsageError for one that is empty, holds a NUL, is not UTF-8, is too long for a prompt, was typed differently the
    second time, or where there is neither a terminal to ask on nor anything piped.
    """
    if not invocation.stdin.isatty():
        return checked_value(piped_value(invocation.stdin), name)
    if not invocation.can_ask:
        why = "--json asks nothing" if invocation.json else "the question could not be seen"
        raise UsageError(f"the value of {name} is needed, and {why}", hint="pipe it in, or --generate 32")
    first = checked_value(ask_hidden(invocation, f"value of {name}: "), name)
    if ask_hidden(invocation, "once more: ") != first:
        raise UsageError("the two differ; nothing was stored")
    return first


def checked_value(value: str, name: str) -> str:
    """The value. Raises UsageError where no env file could carry it."""
    if not value:
        raise UsageError(
            f"the value of {name} is empty", hint="a secret that nobody needs is removed: secrets remove"
        )
    if "\0" in value:
        raise UsageError(
            f"the value of {name} holds a NUL byte", hint="no environment variable can; encode it in base64"
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _not_text(name) from None
    return value


def ask_hidden(invocation: Invocation, question: str) -> str:
    """One line from the terminal, not echoed; the end of the input is an empty one."""
    invocation.err.write(question)
    invocation.err.flush()
    with _unechoed(invocation.stdin):
        line = invocation.stdin.readline().removesuffix("\n")
    invocation.err.write("\n")
    if len(line.encode(errors="surrogateescape")) >= _LONGEST_LINE:
        raise UsageError(
            "that is too long for a terminal's line; it may have been cut", hint="pipe it in from a file"
        )
    return line


def read_reason(invocation: Invocation, given: str) -> str:
    """Why values are to be seen, for the access log. Raises UsageError where nobody says."""
    reason = given.strip()
    if not reason and invocation.can_ask:
        invocation.err.write("reason (goes to the access log): ")
        invocation.err.flush()
        reason = invocation.stdin.readline().strip()
    if not reason:
        raise UsageError(
            "values are shown for a reason only", hint="say it for the access log: --reason TEXT"
        )
    return reason


def piped_value(stdin: TextIO) -> str:
    """All that is piped in, without one newline at its end. Raises UsageError for what is not UTF-8."""
    return _without_newline(_piped(stdin))


def _piped(stdin: TextIO) -> str:
    """Of the bytes where there are bytes: text streams turn CR LF into LF."""
    raw = getattr(stdin, "buffer", None)
    if raw is None:
        return stdin.read()
    try:
        return str(raw.read(), "utf-8")
    except UnicodeDecodeError:
        raise _not_text("what is piped in") from None


def _without_newline(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\r\n") else text.removesuffix("\n")


def _not_text(what: str) -> UsageError:
    return UsageError(f"{what} is not UTF-8 text", hint="encode it in base64, and decode it where it is used")


@contextmanager
def _unechoed(stream: TextIO) -> Iterator[None]:
    try:
        terminal = stream.fileno()
    except io.UnsupportedOperation:  # no device behind it that could echo
        yield
        return
    before = termios.tcgetattr(terminal)
    silent = before.copy()
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
