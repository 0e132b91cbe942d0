"""A run of checks claims the hosts where it makes something, and removes what dead runs left."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.edges import FakeClock, FakeConnection, FakeNetwork, FakeSession
from tests.unit.checks.situations import NOW, container, situation

from opsctl.argv.claims import CLAIMED, RELEASE, claim, sweep
from opsctl.checks.leftovers import Leftover
from opsctl.checks.questions import UnansweredError
from opsctl.checks.throwaway import RUN_LABEL, Claim
from opsctl.errors import ConnectFailed
from opsctl.flows.checking.answering import Answers, Outside
from opsctl.flows.checking.claims import swept
from opsctl.flows.world import Who, World
from opsctl.state.observed import Observed

OWN = "0000000a"


class Host:
    def __init__(self, *lines: str, **session: Any) -> None:
        self.connection = FakeConnection()
        self.session = FakeSession(lines, **session)
        self.connection.shell.sessions["claim"] = self.session

    @property
    def world(self) -> World:
        return World(
            connect=lambda _host: self.connection,
            clock=FakeClock(),
            redact=lambda text: text.replace("canary-5e1f", "***"),
            listen=lambda _event: None,
            who=Who("ann", "desk", "opsctl verify", OWN),
        )

    @property
    def answers(self) -> Answers:
        return Answers(self.world, situation(), Outside(FakeNetwork(), lambda _address: ""))

    def swept(self, *containers: Any) -> tuple[Leftover, ...]:
        return swept(self.world, {"web": Observed("web", containers=containers, now=NOW)})


def test_a_host_is_claimed_once_and_released_at_the_end() -> None:
    host = Host(CLAIMED)
    answers = host.answers
    for _ in range(2):
        answers.answer(Claim("web"))
    assert host.connection.shell.opened == [claim(OWN)]
    assert host.session.sent == []
    answers.close()
    assert host.session.sent == [RELEASE]
    assert host.session.closed


def test_without_a_claim_nothing_is_claimed() -> None:
    host = Host(CLAIMED)
    host.answers.close()
    assert host.connection.shell.opened == []


@pytest.mark.parametrize(
    "lines,session,reason",
    [
        (
            (),
            {"ended": True, "code": 69, "stderr": b"flock is not on the host\n"},
            "flock is not on the host",
        ),
        ((), {"ended": True, "code": 1}, "it ended"),
        ((), {}, "no answer within 20 s"),
    ],
)
def test_a_host_that_cannot_be_told_is_told_of(
    lines: tuple[str, ...], session: dict[str, Any], reason: str
) -> None:
    host = Host(*lines, **session)
    answers = host.answers
    for _ in range(2):
        with pytest.raises(UnansweredError, match=f"this run is alive: {reason}"):
            answers.answer(Claim("web"))
    assert len(host.connection.shell.opened) == 1
    assert host.session.closed
    answers.close()
    assert host.session.sent == []


def test_a_connection_that_breaks_does_not_keep_a_run_from_its_end() -> None:
    host = Host(CLAIMED)
    answers = host.answers
    answers.answer(Claim("web"))
    host.session.broken = True
    answers.close()
    assert host.session.closed


def of(run: str, name: str, age: float = 5.0) -> Any:
    return container(name, labels={RUN_LABEL: run}, created=NOW - age)


def test_a_host_without_leftovers_is_asked_nothing() -> None:
    host = Host()
    assert host.swept(container("api"), of(OWN, "mine")) == ()
    assert host.connection.shell.ran == []


def test_each_run_is_asked_about_once_and_each_container_told() -> None:
    host = Host()
    host.connection.shell.on("leftovers", "removed one-1\nused two-1\n")
    found = host.swept(of("aa", "one"), of("aa", "two"), of("aa", "three"))
    assert host.connection.shell.ran == [sweep("aa", ["one-1", "two-1", "three-1"], overdue=False)]
    assert [(one.name, one.fate) for one in found] == [
        ("demo-one-1", "removed"),
        ("demo-two-1", "used"),
        ("demo-three-1", "unasked"),
    ]
    host.swept(of("bb", "old", age=700), of("cc", "young"))
    assert host.connection.shell.ran[1:] == [
        sweep("bb", ["old-1"], overdue=True),
        sweep("cc", ["young-1"], overdue=False),
    ]


@pytest.mark.parametrize(
    "more,reason",
    [
        ({"code": 1, "stderr": b"sudo: no canary-5e1f\n"}, "sudo: no ***"),
        ({"code": -1}, "exit -1"),
        ({"error": ConnectFailed("canary-5e1f is gone", where="web")}, "*** is gone"),
    ],
)
def test_a_host_that_does_not_answer_ends_no_verify(more: dict[str, Any], reason: str) -> None:
    host = Host()
    host.connection.shell.on("leftovers", **more)
    assert host.swept(of("aa", "one")) == (Leftover("web", "demo-one-1", "unasked", reason),)
