"""A deploy: leases, looks, one plan, one question, and exactly that plan."""

from __future__ import annotations

from collections.abc import Callable

from opsctl.flows.reports import EVERYTHING, DeployReport, Selection
from opsctl.flows.world import World
from opsctl.plan.steps import Plan
from opsctl.state.desired import Desired

Confirm = Callable[[Plan], bool]
"""Shows the plan and asks; not called when the plan has no steps. False: nothing is done."""


def deploy(
    world: World,
    desired: Desired,
    selection: Selection = EVERYTHING,
    *,
    confirm: Confirm,
    parallel: int = 8,
    wait: bool = True,
    heal: bool = False,
    keep_host_edits: bool = False,
) -> DeployReport:
    """Bring the selected hosts to what is desired.

    `parallel` hosts are changed at a time; with 1 a failing host stops those after it. Without `wait`, waits that no
    later step depends on are left out of the plan.

    Before anything is changed it raises: LeaseHeld, ConnectFailed and EngineUnavailable (any host; nothing was done
    anywhere), KeyboardInterrupt. A refused plan is returned, not raised: `plan.refused`, every outcome with Refused.
    Once changes have begun every host's end is in the report, an interruption too (outcome error Interrupted, 130).
    """
    raise NotImplementedError
