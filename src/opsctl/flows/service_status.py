"""One service of a host as a row: what it does, what it should do, and how bad that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from opsctl.plan.ensure import Ensure
from opsctl.plan.plans import HostPlan
from opsctl.plan.steps import React, Recreate, Restart, RunJob, Start
from opsctl.state.desired import DesiredHost
from opsctl.state.observed import Observed, ObservedContainer
from opsctl.state.pinned import PinState, pin_state
from opsctl.state.standing import Mark, container_of, is_bad, mark_of, strays_of


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
    pin: PinState | None = None
    """Whether the locked image runs; None where there is no container, or nothing says what it should be."""
    bad: bool = False
    """It does not do what it should: down without being told so, unhealthy, restarting, or missing."""


def worst_first(status: ServiceStatus) -> tuple[bool, bool, bool, str]:
    """The order of rows: bad, then drifted, then without a mark, then by name."""
    return (not status.bad, not status.drift, bool(status.mark), status.service)


def service_status(
    host: DesiredHost, name: str, observed: Observed, plan: HostPlan, used: Mapping[str, int]
) -> ServiceStatus:
    """The row of a service that a stack names."""
    service = host.services[name]
    container = container_of(host, observed, name)
    mark = mark_of(service, observed, container)
    drift = causes_of(plan, service.name)
    if container is None:
        return ServiceStatus(
            service.name, "missing", image=service.image, drift=drift, mark=mark, bad=mark == "missing"
        )
    row = _row(container, observed, used, drift=drift, mark=mark, bad=is_bad(service, container, mark))
    return replace(row, pin=pin_state(service, container, observed.images))


def strays(host: DesiredHost, observed: Observed, used: Mapping[str, int]) -> list[ServiceStatus]:
    """Rows of the project's containers that no stack names."""
    return [
        _row(one, observed, used, drift="no stack names it", mark="stray", bad=False)
        for one in strays_of(host, observed)
    ]


def _row(
    container: ObservedContainer,
    observed: Observed,
    used: Mapping[str, int],
    *,
    drift: str,
    mark: Mark,
    bad: bool,
) -> ServiceStatus:
    inspected = container.inspected
    running = container.state == "running"
    return ServiceStatus(
        service=container.service,
        state=container.state,
        health=container.health,
        uptime=max(observed.now - inspected.started_at, 0.0) if running and inspected else None,
        image=container.image,
        memory_used=used.get(container.id),
        memory_limit=(inspected.memory_limit or None) if inspected else None,
        restarts=inspected.restart_count if inspected else 0,
        exit_code=None if running else container.exit_code,
        drift=drift,
        mark=mark,
        bad=bad,
    )


_Act = Recreate | RunJob | Start | Restart | React | Ensure


def causes_of(plan: HostPlan, service: str) -> str:
    """Why a deploy would touch a service; "" where it would not."""
    causes = [step.causes for step in plan.steps if isinstance(step, _Act) and step.service == service]
    return ", ".join(dict.fromkeys(cause for group in causes for cause in group))


def touched(plan: HostPlan | None) -> frozenset[str]:
    """The services that a plan makes, starts, restarts or tells something."""
    return frozenset(step.service for step in (plan.steps if plan else ()) if isinstance(step, _Act))
