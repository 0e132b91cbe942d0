"""The plan of an environment: looks at every selected host and compares; changes nothing and needs no lease."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from opsctl.argv.push import COMPOSE_FILE
from opsctl.errors import OpsctlError
from opsctl.flows.hosts import chosen_hosts, chosen_services, on_each
from opsctl.flows.look import look
from opsctl.flows.reports import EVERYTHING, PlanReport, Selection
from opsctl.flows.site import tell
from opsctl.flows.world import World
from opsctl.plan.ensure import Ensure
from opsctl.plan.planner import plan_host
from opsctl.plan.plans import HostPlan, Plan
from opsctl.plan.request import PlanRequest
from opsctl.plan.steps import Push, Recreate, Restart, RunJob, Start, Step, Wait
from opsctl.state.desired import Desired, DesiredHost
from opsctl.state.observed import Observed

Policy = Callable[[DesiredHost, Observed], tuple[Sequence[str], Sequence[str]]]
"""What else speaks for or against a host's plan once the host is known: refusals and notes (the memory policy)."""


def no_policy(_host: DesiredHost, _observed: Observed) -> tuple[Sequence[str], Sequence[str]]:
    return (), ()


def make_plan(
    world: World,
    desired: Desired,
    selection: Selection = EVERYTHING,
    *,
    heal: bool = False,
    keep_host_edits: bool = False,
    policy: Policy = no_policy,
) -> PlanReport:
    """What a deploy would do, host by host; hosts that could not be looked at are in `errors`.

    Makes nothing on any host: where a host has no fingerprint key yet, one that is forgotten afterwards stands in.
    """
    observed, errors = look_at_each(world, chosen_hosts(desired, selection))
    request = PlanRequest(heal=heal, keep_host_edits=keep_host_edits)
    return PlanReport(plan_all(desired, observed, selection, request, policy=policy), errors)


def look_at_each(
    world: World, hosts: Iterable[DesiredHost], *, inspect_all: bool = False
) -> tuple[dict[str, Observed], dict[str, OpsctlError]]:
    """One look at each host, all at the same time: what was found, and the errors, by host."""
    began = world.clock.monotonic()

    def one_look(host: DesiredHost) -> Observed:
        tell(world, host.name, "looking", began=began)
        observed = look(world.connect(host.name), host, inspect_all=inspect_all)
        tell(world, host.name, "looked", began=began)
        return observed

    return on_each(hosts, one_look)


def plan_all(
    desired: Desired,
    observed: Mapping[str, Observed],
    selection: Selection,
    request: PlanRequest,
    *,
    policy: Policy = no_policy,
) -> Plan:
    """The plan over all hosts that were looked at; the request's services come from the selection.

    Raises InputError where a compose.yml that would be pushed does not fit the Compose specification.
    """
    key = secrets.token_bytes(32)
    plans = []
    for host in desired.hosts:
        if host.name not in observed:
            continue
        refusals, notes = policy(host, observed[host.name])
        asked = replace(
            request,
            services=chosen_services(host, selection),
            key=key,
            unsettled=desired.unsettled,
            refusals=tuple(refusals),
            notes=tuple(notes),
        )
        plans.append(plan_host(host, observed[host.name], asked))
    _require_schema(desired, plans)
    return Plan(desired.environment, tuple(plans), (*selection.services, *selection.stacks))


def _require_schema(desired: Desired, plans: Sequence[HostPlan]) -> None:
    """A compose.yml that already lies on the host was checked before."""
    pushed = {
        plan.host
        for plan in plans
        for step in plan.steps
        if isinstance(step, Push) and step.files[-1].path == COMPOSE_FILE
    }
    if pushed:
        from opsctl.render.schema import require_schema

        require_schema(host for host in desired.hosts if host.name in pushed)


def without_last_waits(plan: Plan) -> Plan:
    """The plan without the waits that no container's making, starting or restarting comes after."""
    return replace(plan, hosts=tuple(replace(host, steps=_cut(host.steps)) for host in plan.hosts))


def _cut(steps: Sequence[Step]) -> tuple[Step, ...]:
    acts = (Recreate, RunJob, Start, Restart, Ensure)
    last = max((number for number, step in enumerate(steps) if isinstance(step, acts)), default=-1)
    return tuple(step for number, step in enumerate(steps) if number < last or not isinstance(step, Wait))
