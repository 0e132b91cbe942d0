"""Giving the consumers of a secret a value: a deploy narrowed to them, in which only that value differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opsctl.errors import HostErrors, OpsctlError, Refused
from opsctl.flows.change import Change, on_all, raise_any
from opsctl.flows.planning import Policy, look_at_each, no_policy, plan_all
from opsctl.flows.reports import Selection
from opsctl.flows.site import Site
from opsctl.flows.world import World
from opsctl.plan.plans import Plan
from opsctl.plan.request import PlanRequest
from opsctl.secrets.candidate import Candidate
from opsctl.state.desired import Desired


@dataclass(slots=True)
class Delivery:
    """`render` gives what the hosts shall hold when a secret has a certain value, put into force at a moment: `now`, in
    seconds since the epoch, which the store will then say too. `services` are the consumers, `sites`
    the leased hosts, by name.
    """

    world: World
    secret: str
    services: tuple[str, ...]
    sites: Mapping[str, Site]
    render: Callable[[Mapping[str, Candidate], float], Desired] = field(repr=False)
    now: float
    _planned: dict[str, Plan] = field(default_factory=dict, init=False)

    def plan(self, value: Candidate, *, policy: Policy = no_policy) -> Plan:
        """What giving them this value comes to; carried out by the next delivery of it. Raises as a look does."""
        desired = self.render({self.secret: value}, self.now)
        if not self.services:
            return Plan(desired.environment, ())
        hosts = [host for host in desired.hosts if set(self.services) & set(host.services)]
        observed, errors = look_at_each(self.world, hosts)
        raise_any(errors, hosts)
        request = PlanRequest(rotating=frozenset({self.secret}))
        plan = plan_all(desired, observed, Selection(services=self.services), request, policy=policy)
        self._planned[value.version] = plan
        return plan

    def __call__(self, value: Candidate) -> None:
        """The consumers have the value and are healthy with it. Raises Refused where the plan is; else what went wrong on a
        host, or HostErrors.
        """
        plan = self._planned.pop(value.version, None) or self.plan(value)
        self._planned.clear()  # what was planned before this delivery is not true after it
        require_unrefused(plan)
        work = [self.sites[one.host] for one in plan.hosts if one.changes]
        if not work:
            return
        change = Change(
            [site.host for site in work], lambda _observed: plan, lambda _plan: True, recorded=False
        )
        outcomes = on_all(change, plan, work)
        errors = {name: outcome.error for name, outcome in outcomes.items() if outcome.error}
        raise_together(errors)


def require_unrefused(plan: Plan) -> None:
    """Raises Refused with every host's reasons."""
    refusals = [f"{one.host}: {reason}" for one in plan.hosts for reason in one.refusals]
    if refusals:
        raise Refused("the consumers cannot be given another value now", evidence=refusals)


def raise_together(errors: Mapping[str, OpsctlError]) -> None:
    """One host's error as it is, several as HostErrors."""
    if len(errors) > 1:
        raise HostErrors(errors, what="failed")
    for error in errors.values():
        raise error
