"""start, stop, restart and recreate: things done to named services, under the lease and audited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from opsctl.argv import docker, marks
from opsctl.errors import Refused
from opsctl.flows import containers
from opsctl.flows.change import Change, carry_out
from opsctl.flows.hosts import chosen_hosts, chosen_services
from opsctl.flows.planning import Policy, no_policy, plan_all, without_last_waits
from opsctl.flows.reports import DeployReport, Selection
from opsctl.flows.site import Progress, Site
from opsctl.flows.world import World
from opsctl.plan.plans import HostPlan, Plan
from opsctl.plan.request import PlanRequest
from opsctl.plan.schedule import wait_step
from opsctl.plan.steps import Restart
from opsctl.state.desired import Desired, DesiredHost
from opsctl.state.observed import Observed

Verb = Literal["start", "stop", "restart", "recreate"]
_Planner = Callable[[Mapping[str, Observed]], Plan]
_Effect = Callable[[Site, Progress], None]


def act(
    world: World,
    desired: Desired,
    verb: Verb,
    services: Sequence[str],
    *,
    host: str = "",
    confirm: Callable[[Plan], bool] = lambda _plan: True,
    wait: bool = True,
    policy: Policy = no_policy,
) -> DeployReport:
    """Do one thing to the named services (on `host`, or on every host that has them).

    start and recreate are narrowed deploys, under the same policy: the container that comes up is the desired one. stop keeps a service down
    over later deploys and a typed `up -d`, until start or recreate. restart takes the container as it is.
    Raises UsageError for unknown services, and all that deploy raises.
    """
    selection = Selection(services=tuple(services), hosts=(host,) if host else ())
    whole = _planner(desired, verb, selection, policy)
    before, after = _effects(verb, selection)
    change = Change(
        hosts=chosen_hosts(desired, selection),
        plan=whole if wait else lambda observed: without_last_waits(whole(observed)),
        confirm=confirm,
        what=f"{verb} {' '.join(services)}",
        before=before,
        after=after,
    )
    return carry_out(world, change)


def _planner(desired: Desired, verb: Verb, selection: Selection, policy: Policy) -> _Planner:
    names = frozenset(selection.services)
    if verb == "restart":
        return lambda observed: _restarts(desired, observed, selection)
    if verb == "stop":
        return lambda observed: _stops(desired, observed, selection)
    request = PlanRequest(start=names) if verb == "start" else PlanRequest(recreate=names)
    return lambda observed: plan_all(desired, observed, selection, request, policy=policy)


def _effects(verb: Verb, selection: Selection) -> tuple[_Effect, _Effect]:
    def hold(site: Site, progress: Progress) -> None:
        progress.changed = True
        site.run(marks.hold(site.directory, site.run_id, _named(site.host, selection)))

    def release(site: Site, progress: Progress) -> None:
        progress.changed = True
        site.run(marks.release(site.directory, site.run_id, _named(site.host, selection)))

    def stop(site: Site, _progress: Progress) -> None:
        engine, project = site.connection.engine, site.host.project
        found = [containers.find(engine, project, name) for name in _named(site.host, selection)]
        present = [one for one in found if one]
        if present:
            site.run(docker.stop(site.directory, site.run_id, present))

    def nothing(_site: Site, _progress: Progress) -> None:
        return

    if verb == "stop":
        return hold, stop
    return (nothing if verb == "restart" else release), nothing


def _named(host: DesiredHost, selection: Selection) -> list[str]:
    return sorted(chosen_services(host, selection) or ())


def _stops(desired: Desired, observed: Mapping[str, Observed], selection: Selection) -> Plan:
    """The compose.yml in which the services are held; that they are stopped then is the effect after it."""
    names = frozenset(selection.services)
    held = {name: replace(one, held=one.held | names) for name, one in observed.items()}
    plan = plan_all(desired, held, selection, PlanRequest())
    note = f"{', '.join(sorted(names))}: stopped, and kept down until `opsctl start`"
    return replace(plan, hosts=tuple(replace(one, notes=(note,)) for one in plan.hosts))


def _restarts(desired: Desired, observed: Mapping[str, Observed], selection: Selection) -> Plan:
    hosts = tuple(
        _restart_plan(host, observed[host.name], _named(host, selection))
        for host in desired.hosts
        if host.name in observed
    )
    return Plan(desired.environment, hosts, selection.services)


def _restart_plan(host: DesiredHost, observed: Observed, names: Sequence[str]) -> HostPlan:
    there = {one.service for one in observed.containers if one.project == host.project and not one.oneoff}
    absent = [name for name in names if name not in there]
    if absent:
        raise Refused(
            f"{absent[0]} has no container to restart", where=host.name, hint=f"opsctl start {absent[0]}"
        )
    waits = [wait_step(host.services[name], 0) for name in names if host.services[name].kind == "service"]
    restarts = [Restart(name, 0, ("asked for",)) for name in names]
    return HostPlan(host.name, host.directory, (*restarts, *waits))
