"""A deploy: leases, looks, one plan, one question, and exactly that plan."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.flows.change import Change, Check, Confirm, carry_out
from opsctl.flows.hosts import chosen_hosts
from opsctl.flows.planning import Policy, no_policy, plan_all, without_last_waits
from opsctl.flows.reports import EVERYTHING, DeployReport, Selection
from opsctl.flows.world import World
from opsctl.plan.plans import Plan
from opsctl.plan.request import PlanRequest
from opsctl.state.desired import Desired
from opsctl.state.observed import Observed

__all__ = ["Confirm", "deploy"]


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
) -> DeployReport:
    """Bring the selected hosts to what is desired.

    `parallel` hosts are changed at a time; with 1 a failing host stops those after it. Without `wait`, waits that no
    later step depends on are left out of the plan. `check` is asked at the end, of the hosts that were changed.

    Before anything is changed it raises: LeaseHeld, ConnectFailed and EngineUnavailable (any host; nothing was done
    anywhere), KeyboardInterrupt. A refused plan is returned, not raised: `plan.refused`, every outcome with Refused.
    Once changes have begun every host's end is in the report, an interruption too (outcome error Interrupted, 130).
    """
    request = PlanRequest(heal=heal, keep_host_edits=keep_host_edits)

    def plan(observed: Mapping[str, Observed]) -> Plan:
        whole = plan_all(desired, observed, selection, request, policy=policy)
        return whole if wait else without_last_waits(whole)

    hosts = chosen_hosts(desired, selection)
    return carry_out(world, Change(hosts, plan=plan, confirm=confirm, parallel=parallel, check=check))
