"""Values asked for: unseen on a real terminal, exact from a pipe, and refused where no env file could carry them."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import sys
import termios
import time
from pathlib import Path

import pytest

from opsctl.cli.invocation import Invocation
from opsctl.cli.secret_prompts import read_reason, read_value
from opsctl.cli.sink import Sink
from opsctl.errors import UsageError
from tests.cli.terminal import Stream

CANARY = "canary-6f1d2c"


def invocation(typed: str | bytes, *, tty: bool = False, err: Stream | None = None) -> Invocation:
    raw = typed if isinstance(typed, bytes) else None
    stdin = io.TextIOWrapper(io.BytesIO(raw)) if raw is not None else Stream(str(typed), tty=tty)
    return Invocation((), stdin, Sink(Stream()), Sink(err or Stream(tty=tty)), {}, Path("/nowhere"))


@pytest.mark.parametrize(
    "piped, value",
    [
        (b"canary", "canary"),
        (b"canary\n", "canary"),
        (b"canary\r\n", "canary"),
        (b"canary\n\n", "canary\n"),
        (b"a\r\nb\r\n", "a\r\nb"),
        (b" canary ", " canary "),
        ("gr\u00fc\u00df".encode(), "gr\u00fc\u00df"),
    ],
)
def test_a_pipe_gives_every_byte_but_one_newline_at_the_end(piped: bytes, value: str) -> None:
    assert read_value(invocation(piped), "token") == value


@pytest.mark.parametrize(
    "piped, told",
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"canary\0", "a NUL byte"),
        (b"canary\xff", "is not UTF-8"),
    ],
)
def test_what_no_container_could_be_given_is_refused_without_a_word_of_it(piped: bytes, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        read_value(invocation(piped), "token")
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_on_a_terminal_the_value_is_asked_for_twice() -> None:
    err = Stream(tty=True)
    assert read_value(invocation(f"{CANARY}\n{CANARY}\n", tty=True, err=err), "token") == CANARY
    assert err.getvalue() == "value of token: \nonce more: \n"


@pytest.mark.parametrize("typed", [f"{CANARY}\n{CANARY}x\n", f"{CANARY}\n", f"{CANARY}\n\n"])
def test_two_values_that_differ_are_refused(typed: str) -> None:
    with pytest.raises(UsageError, match="the two differ") as caught:
        read_value(invocation(typed, tty=True), "token")
    assert CANARY not in str(caught.value)


def test_a_line_that_the_terminal_may_have_cut_is_refused() -> None:
    with pytest.raises(UsageError, match="too long for a terminal's line"):
        read_value(invocation("x" * 4095 + "\n", tty=True), "token")
    longest = "x" * 4094
    assert read_value(invocation(f"{longest}\n{longest}\n", tty=True), "token") == longest


def test_with_json_nothing_is_asked() -> None:
    asked = invocation(f"{CANARY}\n{CANARY}\n", tty=True)
    asked.json = True
    with pytest.raises(UsageError, match="--json asks nothing"):
        read_value(asked, "token")


def test_a_reason_is_taken_asked_for_or_missed() -> None:
    assert read_reason(invocation(""), " audit ") == "audit"
    assert read_reason(invocation("on call\n", tty=True), "") == "on call"
    with pytest.raises(UsageError, match="for a reason only") as caught:
        read_reason(invocation("on call\n"), "")
    assert "--reason" in caught.value.hint
    with pytest.raises(UsageError):
        read_reason(invocation("\n", tty=True), "")


ASKING = """
from opsctl.cli.invocation import Invocation
from opsctl.cli.secret_prompts import read_value
import hashlib
value = read_value(Invocation.of_this_process(), "token")
print("got", hashlib.sha256(value.encode()).hexdigest()[:8])
"""


def test_a_real_terminal_shows_nothing_of_what_is_typed_and_echoes_again_afterwards() -> None:
    process, terminal = pty.fork()
    if not process:
        os.execv(sys.executable, [sys.executable, "-c", ASKING])  # noqa: S606
    try:
        shown = until(terminal, b"value of token: ")
        wait_for_echo(terminal, on=False)
        os.write(terminal, f"{CANARY}\n".encode())
        shown += until(terminal, b"once more: ")
        wait_for_echo(terminal, on=False)
        os.write(terminal, f"{CANARY}\n".encode())
        shown += until(terminal, b"got ")
        assert echoes(terminal)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)
    assert CANARY.encode() not in shown
    assert re.search(rb"value of token: \r\nonce more: \r\n", shown)


def test_an_interrupted_prompt_leaves_the_terminal_echoing() -> None:
    process, terminal = pty.fork()
    if not process:
        os.execv(sys.executable, [sys.executable, "-c", ASKING])  # noqa: S606
    try:
        until(terminal, b"value of token: ")
        wait_for_echo(terminal, on=False)
        os.write(terminal, b"\x03")
        until(terminal, b"KeyboardInterrupt")
        assert echoes(terminal)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)


def until(terminal: int, end: bytes) -> bytes:
    seen, late = b"", time.monotonic() + 20
    while end not in seen:
        assert time.monotonic() < late, seen
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 4096)
    return seen


def echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def wait_for_echo(terminal: int, *, on: bool) -> None:
    late = time.monotonic() + 20
    while echoes(terminal) is not on:
        assert time.monotonic() < late
        time.sleep(0.01)
