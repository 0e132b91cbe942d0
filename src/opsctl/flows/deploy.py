"""A deploy: leases, looks, one plan, one question, and exactly that plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.flows.change import Change, Check, Confirm, carry_out
from opsctl.flows.hosts import chosen_hosts
from opsctl.flows.planning import Policy, no_policy, plan_all, without_last_waits
from opsctl.flows.reports import EVERYTHING, DeployReport, Selection
from opsctl.flows.site import Progress, Site
from opsctl.flows.world import World
from opsctl.plan.plans import Plan
from opsctl.plan.request import PlanRequest
from opsctl.state.desired import Desired
from opsctl.state.observed import Observed

if TYPE_CHECKING:
    from opsctl.flows.gating import Gates

__all__ = ["Confirm", "OpenGates", "deploy"]

OpenGates = Callable[[Mapping[str, Observed], Plan], "Gates"]
"""The gates of a plan; not called where it changes nothing."""


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
    policy: Policy = no_policy,
    check: Check | None = None,
    gates: OpenGates | None = None,
) -> DeployReport:
    """Bring the selected hosts to what is desired.

    `parallel` hosts are changed at a time; with 1 a failing host stops those after it. Without `wait`, waits that no
    later step depends on are left out of the plan. `check` is asked at the end, of the hosts that were changed. `gates` stand
    on each host before its first step, and count again after its last one where it waits.

    Before anything is changed it raises: LeaseHeld, ConnectFailed and EngineUnavailable (any host; nothing was done
    anywhere), KeyboardInterrupt. A refused plan is returned, not raised: `plan.refused`, every outcome with Refused.
    Once changes have begun every host's end is in the report, an interruption too (outcome error Interrupted, 130).
    """
    request = PlanRequest(heal=heal, keep_host_edits=keep_host_edits)
    gated = _Gated(gates, count=wait)

    def plan(observed: Mapping[str, Observed]) -> Plan:
        whole = plan_all(desired, observed, selection, request, policy=policy)
        gated.open(observed, whole)
        return whole if wait else without_last_waits(whole)

    hosts = chosen_hosts(desired, selection)
    change = Change(hosts, plan, confirm, parallel, before=gated.before, after=gated.after, check=check)
    return carry_out(world, change)


@dataclass(slots=True)
class _Gated:
    """The gates as effects around a plan. `count`: whether lists are counted again at the end."""

    make: OpenGates | None
    count: bool
    gates: Gates | None = None

    def open(self, observed: Mapping[str, Observed], plan: Plan) -> None:
        if self.make and plan.changes and not plan.refused:
            self.gates = self.make(observed, plan)

    def before(self, site: Site, _progress: Progress) -> None:
        if self.gates:
            self.gates.before(site)

    def after(self, site: Site, _progress: Progress) -> None:
        if self.gates and self.count:
            self.gates.after(site)
