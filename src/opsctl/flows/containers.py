"""Single containers, asked of the engine while a plan is applied. Found by labels, never by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from opsctl.edges.ports import Engine
from opsctl.errors import OperationFailed
from opsctl.flows import engine_json
from opsctl.state.observed import PROJECT_LABEL, SERVICE_LABEL, ContainerState, Health

_PROBES_SHOWN = 3
_LOG_LINES = 20
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Present:
    """How one container is at this moment. `has_health`: the container has a healthcheck."""

    id: str
    state: ContainerState
    health: Health
    exit_code: int
    oom_killed: bool
    restart_count: int
    started_at: float
    has_health: bool = False
    probes: tuple[str, ...] = ()


def find(engine: Engine, project: str, service: str) -> str | None:
    """The id of the newest container of a service; one-off containers of `compose run` do not count."""
    labels = [f"{PROJECT_LABEL}={project}", f"{SERVICE_LABEL}={service}"]
    body = engine.get("/containers/json", {"all": "1", "filters": json.dumps({"label": labels})})
    found = [one for one in engine_json.containers(body or ()) if not one.oneoff]
    return max(found, key=lambda one: one.created).id if found else None


def found(engine: Engine, project: str, service: str, host: str) -> str:
    """As `find`. Raises OperationFailed where there is none."""
    container = find(engine, project, service)
    if container is None:
        raise OperationFailed(f"{service} has no container", where=host, hint=f"opsctl recreate {service}")
    return container


def present(engine: Engine, container: str) -> Present | None:
    """How it is now; None where it is gone."""
    body = engine.get(f"/containers/{container}/json")
    if not body:
        return None
    state = body.get("State") or {}
    health = state.get("Health") or {}
    seen = engine_json.inspected(body)
    status = str(health.get("Status") or "")
    return Present(
        id=container,
        state=state.get("Status") or "dead",
        health=status if status in {"starting", "healthy", "unhealthy"} else "",  # type: ignore[arg-type]
        exit_code=seen.exit_code,
        oom_killed=seen.oom_killed,
        restart_count=seen.restart_count,
        started_at=seen.started_at,
        has_health=status not in {"", "none"},
        probes=seen.health_log,
    )


def evidence(engine: Engine, now: Present, redact: Callable[[str], str]) -> tuple[str, ...]:
    """What explains a container that did not come up: its last probes and last log lines, redacted."""
    lines: list[str] = []
    for probe in now.probes[-_PROBES_SHOWN:]:
        lines += [f"health: {line}" for line in probe.splitlines()[-_PROBES_SHOWN:]]
    lines += [f"log: {line}" for line in engine.logs(now.id, tail=_LOG_LINES)]
    return tuple(line[:_LONGEST] for line in redact("\n".join(lines)).splitlines())


def described(now: Present) -> str:
    """In words: "exited 137, out of memory", "running, unhealthy, restarted 3 times"."""
    words = [f"exited {now.exit_code}" if now.state in {"exited", "restarting", "dead"} else now.state]
    if now.oom_killed:
        words.append("out of memory")
    if now.health:
        words.append(now.health)
    if now.restart_count:
        words.append(f"restarted {now.restart_count} times")
    return ", ".join(words)
