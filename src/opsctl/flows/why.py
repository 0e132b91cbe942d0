"""Why a service is as it is."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.errors import Exit
from opsctl.flows.audit import AuditEntry
from opsctl.flows.status import ServiceStatus
from opsctl.flows.world import World
from opsctl.state.desired import Desired


@dataclass(frozen=True, slots=True)
class WhyReport:
    """Everything that explains one service, redacted. Times are seconds since the epoch."""

    host: str
    status: ServiceStatus
    oom_killed: bool = False
    finished_at: float | None = None
    health_log: tuple[str, ...] = ()
    """Outputs of the last health probes, oldest first."""
    logs: tuple[str, ...] = ()
    """The last 20 lines of the container."""
    changes: tuple[AuditEntry, ...] = ()
    """What the audit holds of the last 24 hours on this host, oldest first."""
    fell_first: str = ""
    """The dependency (of any depth) that is down or unhealthy with the earliest end, as a sentence; empty: none."""

    @property
    def exit(self) -> Exit:
        return Exit.NO if self.status.bad else Exit.YES


def why(world: World, desired: Desired, service: str, *, host: str = "") -> WhyReport:
    """Look at one service. Raises UsageError for an unknown service, or one that runs on several hosts when `host` is
    not given.
    """
    raise NotImplementedError
