"""Questions of checks that are answered here: what is asked once, and this machine's own clock."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.edges import FakeClock, FakeNetwork
from tests.flows.machine import Machine
from tests.unit.checks.situations import situation

from opsctl.argv.command import Command, Completed
from opsctl.checks.questions import (
    Fetch,
    Fetched,
    Handshake,
    OnHost,
    OwnTime,
    Ran,
    Reach,
    Reached,
    Shown,
    UnansweredError,
)
from opsctl.errors import ConnectFailed, NotReached, Silent
from opsctl.flows.checking.answering import Answers, Outside
from opsctl.flows.world import World

SHARED = OnHost("web", ("look",), shared=True)


class Counting:
    """A shell that counts its runs; each lasts until `free` is set."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs = 0
        self.free = threading.Event()
        self.error = error
        self.shell = self

    def run(self, command: Command) -> Completed:
        self.runs += 1
        assert self.free.wait(20)
        if self.error:
            raise self.error
        return Completed(command, 0, f"run {self.runs}".encode(), b"")


def answers(memory: Path, counting: Counting, clock: FakeClock | None = None) -> Answers:
    made = Machine(memory / "host").world()
    connect: Any = lambda _name: counting  # noqa: E731
    world = World(connect, clock or made.clock, made.redact, made.listen, made.who)
    return Answers(world, situation(), Outside(FakeNetwork(), lambda _address: ""))


def test_what_is_shared_runs_once_and_all_are_told(memory: Path) -> None:
    counting = Counting()
    ask = answers(memory, counting).answer
    with ThreadPoolExecutor(8) as threads:
        told = [threads.submit(ask, SHARED) for _ in range(8)]
        counting.free.set()
        assert {one.result() for one in told} == {Ran(0, b"run 1", b"")}
    assert ask(SHARED) == Ran(0, b"run 1", b"")
    assert counting.runs == 1


def test_what_is_not_shared_runs_each_time(memory: Path) -> None:
    counting = Counting()
    counting.free.set()
    ask = answers(memory, counting).answer
    assert [ask(OnHost("web", ("look",))).stdout for _ in range(2)] == [b"run 1", b"run 2"]


def test_where_the_shared_run_fails_nobody_has_an_answer(memory: Path) -> None:
    counting = Counting(ConnectFailed("gone", where="web"))
    counting.free.set()
    ask = answers(memory, counting).answer
    for _ in range(2):
        with pytest.raises(UnansweredError, match="gone"):
            ask(SHARED)
    assert counting.runs == 1


class Mute:
    """A host that a request goes out from, and what becomes of it; `alive` is how `true` ends there."""

    def __init__(self, trouble: Exception, alive: int | Exception) -> None:
        self.trouble = trouble
        self.alive = alive
        self.ran: list[tuple[str, ...]] = []
        self.shell = self.network = self

    def open(self, _address: str, _port: int, _timeout: float) -> Any:
        raise self.trouble

    def run(self, command: Command) -> Completed:
        self.ran.append(command.words)
        if isinstance(self.alive, Exception):
            raise self.alive
        return Completed(command, self.alive, b"", b"")


ASKED = (
    (Fetch("http://api:8000/", via="web", address="10.0.0.2"), Fetched),
    (Handshake("10.0.0.2", 443, "api", via="web"), Shown),
    (Reach("10.0.0.2", 8000, via="web"), Reached),
)
SILENCES = (Silent("10.0.0.2:8000: silent for 5 s"), TimeoutError(), EOFError("closed"), OSError("reset"))


@pytest.mark.parametrize("question,kind", ASKED)
@pytest.mark.parametrize("trouble", SILENCES)
def test_silence_is_an_answer_where_the_host_itself_is_heard(
    memory: Path, question: Any, kind: type, trouble: Exception
) -> None:
    mute: Any = Mute(trouble, 0)
    found = answers(memory, mute).answer(question)
    assert isinstance(found, kind)
    assert found.reason  # type: ignore[attr-defined]
    assert mute.ran == [("true",)]


@pytest.mark.parametrize("question", [question for question, _kind in ASKED])
@pytest.mark.parametrize("trouble", SILENCES)
@pytest.mark.parametrize(
    "alive,said", [(-1, "web itself does not answer"), (ConnectFailed("lost", where="web"), "lost")]
)
def test_behind_a_host_that_is_silent_too_nobody_can_tell(
    memory: Path, question: Any, trouble: Exception, alive: Any, said: str
) -> None:
    mute: Any = Mute(trouble, alive)
    with pytest.raises(UnansweredError, match=said):
        answers(memory, mute).answer(question)


def test_a_refusal_is_told_by_the_host_and_needs_no_second_question(memory: Path) -> None:
    mute: Any = Mute(NotReached("10.0.0.2:8000: Connection refused"), 1)
    found = answers(memory, mute).answer(ASKED[2][0])
    assert found == Reached(open=False, reason="10.0.0.2:8000: Connection refused")
    assert mute.ran == []


def test_the_own_clock(memory: Path) -> None:
    assert answers(memory, Counting(), FakeClock(1234.5)).answer(OwnTime()) == 1234.5
