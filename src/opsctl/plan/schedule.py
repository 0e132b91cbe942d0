"""Tasks put in order: waves from depends_on, with the waits between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from opsctl.plan.context import Context
from opsctl.plan.ensure import Ensure
from opsctl.plan.steps import Recreate, Restart, RunJob, Start, Step, Wait
from opsctl.plan.waves import depths
from opsctl.state.desired import Dependency, DesiredService

TaskAction = Literal["create", "recreate", "run", "start", "restart"]


@dataclass(frozen=True, slots=True)
class Task:
    """One service that the plan touches."""

    service: str
    action: TaskAction
    causes: tuple[str, ...]
    settles: tuple[str, str] | None = None

    @property
    def renews(self) -> bool:
        """Whether its container is made anew."""
        return self.action in {"create", "recreate", "run"}


def schedule(ctx: Context, tasks: Mapping[str, Task], ensures: Mapping[str, Ensure]) -> Iterator[Step]:
    """The steps of all waves. What a service keeps for others is made once it is healthy, before those come.

    A wait stands directly after its wave where a later wave's service depends on its health, else at the end, so that
    nothing waits that need not. An untouched dependency that is still starting is waited for before its dependents.
    """
    level = depths(ctx.desired.services)
    awaited = _awaited(ctx, tasks) | {name for name in ensures if name in tasks or _recovers(ctx, name)}
    late: list[Wait] = []
    for wave in sorted({level[name] for name in {*tasks, *awaited, *ensures}}):
        here = [tasks[name] for name in sorted(tasks) if level[name] == wave]
        yield from _acts(ctx, here, wave)
        names = [task.service for task in here if task.action != "run"]
        names += [name for name in sorted(awaited) if level[name] == wave and name not in tasks]
        waits = [wait_step(ctx.desired.services[name], wave) for name in names]
        for wait in waits:
            if wait.service in awaited:
                yield wait
            else:
                late.append(wait)
        yield from (ensures[name] for name in sorted(ensures) if level[name] == wave)
    yield from late


def _acts(ctx: Context, tasks: list[Task], wave: int) -> Iterator[Step]:
    for task in tasks:
        if task.action in {"create", "recreate"}:
            yield Recreate(task.service, wave, task.causes, new=task.action == "create")
    for task in tasks:
        container = ctx.container(task.service)
        if task.action == "start" and container is not None:
            yield Start(task.service, container.id, wave, task.causes)
    for task in tasks:
        if task.action == "restart":
            yield Restart(task.service, wave, task.causes, settles=task.settles)
    for task in tasks:
        if task.action == "run":
            yield RunJob(task.service, wave, task.causes, ctx.desired.services[task.service].health_timeout)


def _awaited(ctx: Context, tasks: Mapping[str, Task]) -> set[str]:
    """Services that gate a touched one: by their health those touched themselves and those still starting or unhealthy,
    and jobs that still run, for instance since a run that was killed.
    """
    return {
        other
        for name in tasks
        for other, dependency in ctx.desired.services[name].depends_on.items()
        if other in ctx.desired.services and _gates(ctx, other, dependency, touched=other in tasks)
    }


def _gates(ctx: Context, name: str, dependency: Dependency, *, touched: bool) -> bool:
    if dependency.condition == "service_completed_successfully":
        return ctx.runs(name) and not touched
    return dependency.condition == "service_healthy" and (touched or _recovers(ctx, name))


def _recovers(ctx: Context, name: str) -> bool:
    container = ctx.container(name)
    return container is not None and container.health in {"starting", "unhealthy"} and ctx.runs(name)


def wait_step(service: DesiredService, wave: int) -> Wait:
    """How a service is waited for; a settle time that is longer than the timeout is given to it in full."""
    if service.kind == "job":
        return Wait(service.name, wave, "done", service.health_timeout)
    if service.has_healthcheck:
        return Wait(service.name, wave, "healthy", service.health_timeout)
    timeout = max(service.health_timeout, service.settle)
    return Wait(service.name, wave, "settled", timeout, service.settle)
