"""What a failure in the middle of a plan is called."""

from __future__ import annotations

import pytest
from tests.fakes.edges import FakeClock, FakeConnection, FakeSession

from opsctl.errors import EngineUnavailable, LeaseLost
from opsctl.flows.apply import apply
from opsctl.flows.lease import Lease
from opsctl.flows.site import Progress, Site
from opsctl.flows.world import Who, World
from opsctl.plan.plans import HostPlan
from opsctl.plan.steps import Wait
from opsctl.state.desired import DesiredHost


@pytest.mark.parametrize("lost, expected", [(True, LeaseLost), (False, EngineUnavailable)])
def test_a_question_that_nobody_answers_because_the_lease_is_lost_says_that(
    lost: bool, expected: type[Exception]
) -> None:
    connection = FakeConnection()
    connection.engine.answers["/containers/json"] = [{"Id": "a", "State": "running", "Created": 1}]
    connection.engine.answers["/containers/a/json"] = EngineUnavailable("no answer within 30 s")
    world = World(
        lambda _host: connection, FakeClock(), str, lambda _event: None, Who("ann", "desk", "opsctl", "1")
    )
    session = FakeSession([] if lost else ["ok"])
    lease = Lease("web", session, ())
    session.ended = lost  # as after a sleep: no heartbeat has noticed yet
    site = Site(world, DesiredHost("web", "demo", "/opt/demo", {}), connection, lease)
    with pytest.raises(expected):
        apply(site, HostPlan("web", "/opt/demo", (Wait("api", 0, "healthy", 10.0),)), Progress())
    lease.release()
