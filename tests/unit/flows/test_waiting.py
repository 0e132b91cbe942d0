"""What a look at a waited-for container means."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from tests.fakes.edges import FakeClock, FakeConnection

from opsctl.errors import EngineUnavailable, LeaseLost
from opsctl.flows.containers import Present, described
from opsctl.flows.lease import Lease
from opsctl.flows.site import Site
from opsctl.flows.waiting import judge_health, judge_job, judge_settling, wait_for
from opsctl.flows.world import Who, World
from opsctl.plan.steps import Wait
from opsctl.state.desired import DesiredHost

UP = Present("a", "running", "healthy", 0, oom_killed=False, restart_count=0, started_at=1.0, has_health=True)
PLAIN = replace(UP, health="", has_health=False)


@pytest.mark.parametrize(
    "now, reached, failure",
    [
        (UP, True, ""),
        (replace(UP, health="starting"), False, ""),
        (replace(UP, health="unhealthy"), False, "is unhealthy"),
        (replace(UP, state="exited", health="unhealthy"), False, "stopped again"),
        (replace(UP, state="restarting", health=""), False, ""),
        (replace(UP, state="created", health=""), False, ""),
        (PLAIN, True, ""),
        (replace(UP, health="", has_health=True), False, ""),
    ],
)
def test_health(now: Present, reached: bool, failure: str) -> None:
    verdict = judge_health(now)
    assert (verdict.reached, verdict.failure) == (reached, failure)


@pytest.mark.parametrize(
    "now, steady, reached, failure, left",
    [
        (PLAIN, 5.0, True, "", 0.0),
        (PLAIN, 4.5, False, "", 0.5),
        (replace(PLAIN, state="restarting"), 9.0, False, "", float("inf")),
        (replace(PLAIN, state="exited"), 9.0, False, "stopped again", float("inf")),
    ],
)
def test_settling(now: Present, steady: float, reached: bool, failure: str, left: float) -> None:
    verdict = judge_settling(now, steady, 5.0)
    assert (verdict.reached, verdict.failure, verdict.left) == (reached, failure, left)


@pytest.mark.parametrize(
    "now, reached, failure",
    [
        (PLAIN, False, ""),
        (replace(PLAIN, state="exited"), True, ""),
        (replace(PLAIN, state="exited", exit_code=3), False, "failed"),
        (replace(PLAIN, state="dead"), False, "failed"),
    ],
)
def test_job(now: Present, reached: bool, failure: str) -> None:
    verdict = judge_job(now)
    assert (verdict.reached, verdict.failure) == (reached, failure)


def test_in_words() -> None:
    assert described(UP) == "running, healthy"
    gone = replace(PLAIN, state="exited", exit_code=137, oom_killed=True, restart_count=2)
    assert described(gone) == "exited 137, out of memory, restarted 2 times"


class Gone:
    """A lease that is lost from the second look at it on."""

    def __init__(self) -> None:
        self.looks = 0

    def check(self) -> None:
        self.looks += 1
        if self.looks > 1:
            raise LeaseLost("the lease is gone", where="web")


def test_a_question_that_nobody_answers_because_the_lease_is_lost_says_that() -> None:
    connection = FakeConnection()
    connection.engine.answers["/containers/json"] = [{"Id": "a", "State": "running", "Created": 1}]
    connection.engine.answers["/containers/a/json"] = EngineUnavailable("no answer within 30 s")
    world = World(
        lambda _host: connection, FakeClock(), str, lambda _event: None, Who("ann", "desk", "opsctl", "1")
    )
    desired = DesiredHost("web", "demo", "/opt/demo", {})
    step = Wait("api", 0, "healthy", 10.0)
    with pytest.raises(LeaseLost):
        wait_for(Site(world, desired, connection, cast("Lease", Gone())), step, 0.0)
    still = cast("Lease", type("Held", (), {"check": lambda _self: None})())
    with pytest.raises(EngineUnavailable):
        wait_for(Site(world, desired, connection, still), step, 0.0)
