"""How an environment is right now, worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsctl.errors import Exit, OpsctlError, worst
from opsctl.flows.hosts import chosen_hosts, chosen_services
from opsctl.flows.planning import look_at_each, plan_all
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.flows.service_status import ServiceStatus, service_status, strays, worst_first
from opsctl.flows.world import World
from opsctl.plan.plans import HostPlan
from opsctl.plan.request import PlanRequest
from opsctl.state.desired import Desired, DesiredHost
from opsctl.state.observed import Observed, Resources

__all__ = ["HostStatus", "ServiceStatus", "StatusReport", "status"]


@dataclass(frozen=True, slots=True)
class HostStatus:
    """`services` are sorted worst first, then by name. `error`: the host could not be looked at."""

    host: str
    services: tuple[ServiceStatus, ...] = ()
    resources: Resources = field(default_factory=Resources)
    notes: tuple[str, ...] = ()
    error: OpsctlError | None = None


@dataclass(frozen=True, slots=True)
class StatusReport:
    environment: str
    hosts: tuple[HostStatus, ...]

    @property
    def exit(self) -> Exit:
        """4 where a service is bad, 5 where a host could not be looked at."""
        codes = [host.error.exit for host in self.hosts if host.error]
        if any(service.bad for host in self.hosts for service in host.services):
            codes.append(Exit.NO)
        return worst(codes)


def status(world: World, desired: Desired, selection: Selection = EVERYTHING) -> StatusReport:
    """One look per host, with memory figures; takes no lease and changes nothing."""
    hosts = chosen_hosts(desired, selection)
    observed, errors = look_at_each(world, hosts, inspect_all=True)
    plan = plan_all(desired, observed, Selection(hosts=selection.hosts), PlanRequest())
    plans = {one.host: one for one in plan.hosts}
    found = []
    for host in hosts:
        if host.name in errors:
            found.append(HostStatus(host.name, error=errors[host.name]))
        else:
            found.append(_host_status(world, host, observed[host.name], plans[host.name], selection))
    return StatusReport(desired.environment, tuple(found))


def _host_status(
    world: World, host: DesiredHost, observed: Observed, plan: HostPlan, selection: Selection
) -> HostStatus:
    chosen = chosen_services(host, selection)
    names = sorted(host.services if chosen is None else chosen)
    used = memory_used(world, observed)
    services = [service_status(host, name, observed, plan, used) for name in names]
    if chosen is None:
        services += strays(host, observed, used)
    return HostStatus(host.name, tuple(sorted(services, key=worst_first)), observed.resources, plan.notes)


def memory_used(world: World, observed: Observed) -> Mapping[str, int]:
    """Bytes by container id, of those that run and were inspected."""
    running = [one.id for one in observed.containers if one.state == "running" and one.inspected]
    return world.connect(observed.host).engine.stats(running) if running else {}
