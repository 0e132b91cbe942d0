"""Why a service is as it is."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.errors import CouldNotFindOut, Exit
from opsctl.flows.audit import AuditEntry, audit_of
from opsctl.flows.hosts import host_of
from opsctl.flows.look import look
from opsctl.flows.planning import plan_all
from opsctl.flows.reports import Selection
from opsctl.flows.service_status import ServiceStatus, service_status
from opsctl.flows.status import memory_used
from opsctl.flows.world import World
from opsctl.plan.request import PlanRequest
from opsctl.state.desired import Desired, DesiredHost
from opsctl.state.observed import Observed, ObservedContainer
from opsctl.state.standing import container_of

_LOG_LINES = 20
_LOOKED_BACK = 24 * 3600.0
_ENTRIES = 200


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
    """Look at one service.

    Raises UsageError for an unknown service, or one that runs on several hosts when `host` is not given.
    """
    place = host_of(desired, service, host)
    connection = world.connect(place.name)
    observed = look(connection, place, inspect_all=True)
    plan = plan_all(desired, {place.name: observed}, Selection(hosts=(place.name,)), PlanRequest()).hosts[0]
    container = container_of(place, observed, service)
    inspected = container.inspected if container else None
    logs = connection.engine.logs(container.id, tail=_LOG_LINES) if container else []
    stopped = container is not None and container.state != "running"
    return WhyReport(
        host=place.name,
        status=service_status(place, service, observed, plan, memory_used(world, observed)),
        oom_killed=bool(inspected and inspected.oom_killed),
        finished_at=inspected.finished_at if inspected and stopped else None,
        health_log=_redacted(world, inspected.health_log if inspected else ()),
        logs=_redacted(world, tuple(logs)),
        changes=_changes(world, place),
        fell_first=fell_first(place, observed, service),
    )


def _redacted(world: World, lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(world.redact("\n".join(lines)).splitlines())


def _changes(world: World, host: DesiredHost) -> tuple[AuditEntry, ...]:
    since = world.clock.now() - _LOOKED_BACK
    try:
        return tuple(entry for entry in audit_of(world, host, _ENTRIES) if entry.at >= since)
    except CouldNotFindOut:
        return ()


def fell_first(host: DesiredHost, observed: Observed, service: str) -> str:
    """Of the dependencies that are down or unhealthy, the one that fell first; those that fell later may be its victims."""
    fallen = []
    for name in sorted(_dependencies(host, service)):
        if host.services[name].kind == "job" or name in observed.held:
            continue
        container = container_of(host, observed, name)
        if container is None:
            return f"{name} has no container"
        if container.state != "running" or container.health == "unhealthy":
            fallen.append((_fell_at(container), name, container))
    if not fallen:
        return ""
    _, name, container = min(fallen, key=lambda one: one[:2])
    return f"{name} is {_how(container)}"


def _dependencies(host: DesiredHost, service: str) -> set[str]:
    found: set[str] = set()
    ahead = [service]
    while ahead:
        below = set(host.services[ahead.pop()].depends_on) & set(host.services) - found - {service}
        found |= below
        ahead += below
    return found


def _fell_at(container: ObservedContainer) -> float:
    inspected = container.inspected
    if inspected is None:
        return 0.0
    return inspected.started_at if container.state == "running" else inspected.finished_at


def _how(container: ObservedContainer) -> str:
    if container.state == "running":
        return "unhealthy"
    inspected = container.inspected
    oom = ", out of memory" if inspected and inspected.oom_killed else ""
    code = f" with {container.exit_code}" if container.exit_code is not None else ""
    return f"{container.state}{code}{oom}"
