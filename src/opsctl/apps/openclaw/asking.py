"""The gateways that are asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from opsctl.apps.openclaw.gateway import Gateway, gateway_of
from opsctl.checks.check import Case
from opsctl.checks.questions import Talk, settled, skipped
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow, Situation

Course = Callable[[ServiceNow, Gateway], Talk]


def each_gateway(course: Course, situation: Situation) -> Iterator[Case]:
    """A case for each."""
    yield from asked_of_each("openclaw", lambda now: course(now, gateway_of(now.view)))(situation)


def each_with_sandboxes(course: Course, situation: Situation) -> Iterator[Case]:
    """The same; skipped where no agent has a sandbox on this host."""

    def talk(now: ServiceNow, gateway: Gateway) -> Talk:
        return course(now, gateway) if gateway.sandboxed() else settled(skipped("no agent has a sandbox"))

    yield from each_gateway(talk, situation)
