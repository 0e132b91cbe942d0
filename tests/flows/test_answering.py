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
from opsctl.checks.questions import OnHost, OwnTime, Ran, UnansweredError
from opsctl.errors import ConnectFailed
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


def test_the_own_clock(memory: Path) -> None:
    assert answers(memory, Counting(), FakeClock(1234.5)).answer(OwnTime()) == 1234.5
