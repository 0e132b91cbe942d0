"""How an environment is right now, worst first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from opsctl.errors import Exit, OpsctlError, worst
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.flows.world import World
from opsctl.state.desired import Desired
from opsctl.state.observed import Resources

Mark = Literal["", "held", "on demand", "job done", "stray", "missing"]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service of a host. Sizes are bytes, `uptime` seconds; None where it does not run or could not be measured."""

    service: str
    state: str
    """The container's state, "missing" where there is none."""
    health: str = ""
    uptime: float | None = None
    image: str = ""
    memory_used: int | None = None
    memory_limit: int | None = None
    restarts: int = 0
    exit_code: int | None = None
    drift: str = ""
    """Why a deploy would touch it; empty where it is as desired."""
    mark: Mark = ""
    bad: bool = False
    """It does not do what it should: down without being told so, unhealthy, restarting, or missing."""


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
    raise NotImplementedError
