"""The plan of an environment: looks at every selected host and compares; changes nothing and needs no lease."""

from __future__ import annotations

from opsctl.flows.reports import EVERYTHING, PlanReport, Selection
from opsctl.flows.world import World
from opsctl.state.desired import Desired


def make_plan(
    world: World,
    desired: Desired,
    selection: Selection = EVERYTHING,
    *,
    heal: bool = False,
    keep_host_edits: bool = False,
) -> PlanReport:
    """What a deploy would do, host by host; hosts that could not be looked at are in `errors`.

    Makes nothing on any host: where a host has no fingerprint key yet, one that is forgotten afterwards stands in.
    """
    raise NotImplementedError
