"""The live board on a terminal, and the plain lines elsewhere."""

from __future__ import annotations

import time

from opsctl.cli.progress import LiveProgress, progress
from opsctl.cli.screen import Screen
from opsctl.cli.sink import Sink
from opsctl.flows.events import Event
from tests.cli.terminal import Stream

STEPS = (
    Event("lab-app", "step", "recreate api", "env: TOKEN canary-1", 0.0),
    Event("lab-app", "step_done", "recreate api", seconds=0.4),
    Event("lab-app", "step", "wait api", seconds=0.4),
    Event("lab-app", "waiting", "api", "starting canary-1", 0.5),
)


def screen(stream: Stream) -> Screen:
    return Screen(Sink(stream, lambda text: text.replace("canary-1", "***")), colour=False)


def comes(text: str, stream: Stream, seconds: float = 20.0) -> bool:
    """Whether it is shown, soon on an idle machine."""
    end = time.monotonic() + seconds
    while text not in stream.getvalue() and time.monotonic() < end:
        time.sleep(0.02)
    return text in stream.getvalue()


def test_without_a_terminal_each_step_that_ended_is_a_line() -> None:
    stream = Stream()
    with progress(screen(stream), tell_steps=True) as listen:
        for event in STEPS:
            listen(event)
    assert stream.getvalue() == "lab-app  recreate api … 0.4 s\n"


def test_a_command_that_only_looks_leaves_no_lines() -> None:
    stream = Stream()
    with progress(screen(stream), tell_steps=False) as listen:
        for event in STEPS:
            listen(event)
    assert stream.getvalue() == ""


def test_on_a_terminal_a_quick_answer_shows_no_board() -> None:
    stream = Stream(tty=True)
    with progress(screen(stream), tell_steps=True) as listen:
        for event in STEPS:
            listen(event)
    assert stream.getvalue() == "lab-app  recreate api … 0.4 s\n"


def test_on_a_terminal_a_board_appears_lives_and_is_cleared_for_a_question() -> None:
    stream = Stream(tty=True)
    with progress(screen(stream), tell_steps=True) as listen:
        for event in STEPS:
            listen(event)
        assert comes("wait api  starting ***", stream)
        listen.pause()
        assert stream.getvalue().endswith("\x1b[2K\x1b[?25h") or "\x1b[2K" in stream.getvalue()
        paused = len(stream.getvalue())
        time.sleep(0.3)
        assert len(stream.getvalue()) == paused
    assert "canary" not in stream.getvalue()


def test_a_board_that_would_appear_just_after_the_pause_does_not() -> None:
    stream = Stream(tty=True)
    live = LiveProgress(screen(stream), tell_steps=True)
    live.resume()
    live.pause()
    live._begin()
    assert stream.getvalue() == ""
