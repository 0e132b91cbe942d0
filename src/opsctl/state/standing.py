"""How a service stands: its container among all of a host, and whether what that does is what it should."""

from __future__ import annotations

from typing import Literal

from opsctl.state.desired import DesiredHost, DesiredService
from opsctl.state.observed import Observed, ObservedContainer

Mark = Literal["", "held", "on demand", "job done", "stray", "missing"]


def container_of(host: DesiredHost, observed: Observed, service: str) -> ObservedContainer | None:
    """The newest container of a service."""
    found = [
        one
        for one in observed.containers
        if one.project == host.project and one.service == service and not one.oneoff
    ]
    return max(found, key=lambda one: one.created) if found else None


def mark_of(service: DesiredService, observed: Observed, container: ObservedContainer | None) -> Mark:
    """Why it need not run, or that it is missing; "" where its container tells the rest."""
    if service.name in observed.held:
        return "held"
    if service.on_demand and (container is None or container.state != "running"):
        return "on demand"
    if service.kind == "job" and container and container.state == "exited" and container.exit_code == 0:
        return "job done"
    return "" if container else "missing"


def is_bad(service: DesiredService, container: ObservedContainer, mark: Mark) -> bool:
    """Down without being told so, or unhealthy."""
    if mark in {"held", "on demand", "job done"}:
        return False
    if service.kind == "job" and container.state == "running":
        return False
    return container.state != "running" or container.health == "unhealthy"


def strays_of(host: DesiredHost, observed: Observed) -> list[ObservedContainer]:
    """The project's containers that no stack names."""
    return [
        one
        for one in observed.containers
        if one.project == host.project and one.service not in host.services and not one.oneoff
    ]
