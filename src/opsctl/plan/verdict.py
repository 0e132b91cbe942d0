"""What one service's container needs, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsctl.plan.causes import changes
from opsctl.plan.context import Context
from opsctl.plan.edits import definition_edits, env_edits, file_edits, lasting, merge_edits
from opsctl.plan.steps import COMPOSE_FILE
from opsctl.state.desired import DesiredService
from opsctl.state.observed import ObservedContainer

Action = Literal["none", "create", "recreate", "run", "start", "restart"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`edits` are the files in which a plan undoes changes by hand; `notes` ask for no step."""

    service: str
    action: Action
    causes: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def judge(ctx: Context, service: DesiredService) -> Verdict:
    """The verdict on one service, for itself alone: who must follow others is decided by the planner."""
    name = service.name
    container = ctx.container(name)
    if ctx.sleeps(service):
        return Verdict(name, "none", notes=_sleep_notes(ctx, service))
    asked = ("asked for",) if name in ctx.request.recreate else ()
    again: Action = "run" if service.kind == "job" else "recreate"
    if container is None:
        known = name in ctx.present("services")
        why = asked or (("its container is gone",) if known else ("new",))
        return Verdict(
            name, "run" if service.kind == "job" else "create", why, edits=tuple(env_edits(ctx, service))
        )
    edits = (*env_edits(ctx, service), *file_edits(ctx, service), *merge_edits(ctx, service))
    if definition_edits(ctx, service):
        edits += (COMPOSE_FILE,)
    causes = (*asked, *changes(ctx, service, container), *lasting(ctx, service, container, edits))
    if causes:
        return Verdict(name, again, tuple(dict.fromkeys(causes)), edits=edits)
    return _by_state(ctx, service, container, edits)


def _sleep_notes(ctx: Context, service: DesiredService) -> tuple[str, ...]:
    if service.name in ctx.held:
        running = " but it runs" if ctx.runs(service.name) else ""
        return (
            f"{service.name} is stopped on purpose{running}; `opsctl start {service.name}` lets it run again",
        )
    return ()


def _by_state(
    ctx: Context, service: DesiredService, container: ObservedContainer, edits: tuple[str, ...]
) -> Verdict:
    name = service.name
    if service.kind == "job":
        return _job_by_state(service, container, edits)
    if container.state == "dead":
        return Verdict(name, "recreate", ("its container is dead",), edits)
    if container.state in {"exited", "created"}:
        return Verdict(name, "start", (ended(container),), edits)
    troubles = {
        "restarting": "restarting over and over",
        "paused": "paused",
    }
    trouble = troubles.get(container.state) or ("unhealthy" if container.health == "unhealthy" else "")
    if not trouble:
        return Verdict(name, "none", edits=edits)
    if ctx.request.heal and trouble != "paused":
        return Verdict(name, "restart", (trouble,), edits)
    return Verdict(name, "none", edits=edits, notes=(f"{name} is {trouble}; `opsctl why {name}` tells more",))


def _job_by_state(service: DesiredService, container: ObservedContainer, edits: tuple[str, ...]) -> Verdict:
    if container.state in {"running", "restarting"}:
        return Verdict(service.name, "none", edits=edits, notes=(f"job {service.name} is still running",))
    if container.state == "exited" and container.exit_code == 0:
        return Verdict(service.name, "none", edits=edits)
    return Verdict(service.name, "run", (ended(container),), edits)


def ended(container: ObservedContainer) -> str:
    """In words why a container does not run, e.g. "exited 137 (OOM)"."""
    if container.state == "created":
        return "created but never started"
    code = container.exit_code if container.exit_code is not None else -1
    inspected = container.inspected
    return f"exited {code} (OOM)" if inspected and inspected.oom_killed else f"exited {code}"
