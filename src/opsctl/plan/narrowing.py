"""Which verdicts a plan acts on: the selected ones, and those that must follow however the plan was narrowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.plan import merging, pushes
from opsctl.plan.context import Context
from opsctl.plan.resources import changed_networks
from opsctl.plan.schedule import Task
from opsctl.plan.verdict import Verdict
from opsctl.plan.waves import followers

_VERBS = {"create": "create", "recreate": "recreate", "run": "run", "start": "start", "restart": "restart"}


def widen(ctx: Context, verdicts: Mapping[str, Verdict]) -> dict[str, Task]:
    """The tasks of a plan: selected verdicts, then all who must go along until no more must."""
    chosen = ctx.request.services
    tasks = {
        name: Task(name, verdict.action, verdict.causes)
        for name, verdict in verdicts.items()
        if verdict.action != "none" and (chosen is None or name in chosen)
    }
    while True:
        more = _network_mates(ctx, verdicts, tasks) | _followers(ctx, tasks)
        if not more:
            break
        tasks |= more
    return tasks | _owed_restarts(ctx, tasks)


def _network_mates(
    ctx: Context, verdicts: Mapping[str, Verdict], tasks: Mapping[str, Task]
) -> dict[str, Task]:
    """Services that go down with a network which a touched service needs replaced."""
    found = {}
    used = {
        name for task in tasks.values() if task.renews for name in ctx.desired.services[task.service].networks
    }
    for network, step in changed_networks(ctx).items():
        if network not in used:
            continue
        for name in step.services:
            if name in ctx.desired.services and not (name in tasks and tasks[name].renews):
                cause = f"network {network} is replaced"
                found[name] = Task(name, "recreate", tuple(dict.fromkeys((*verdicts[name].causes, cause))))
    return found


def _followers(ctx: Context, tasks: Mapping[str, Task]) -> dict[str, Task]:
    renewed = [name for name, task in tasks.items() if task.renews]
    found = {}
    for name, leader in followers(ctx.desired, renewed).items():
        if ctx.container(name) is not None and not ctx.sleeps(ctx.desired.services[name]):
            found[name] = Task(name, "recreate", (f"shares a namespace or volumes with {leader}",))
    return found


def _owed_restarts(ctx: Context, tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Dependents with `restart: true` of a service made anew: now, or earlier without them following.

    Compose does not restart them after `up --no-deps`, nor ever after (compose-traps 4); the times tell.
    """
    chosen = ctx.request.services
    found = {}
    for name, service in sorted(ctx.desired.services.items()):
        if name in tasks or name in ctx.held or not ctx.runs(name) or service.kind == "job":
            continue
        causes = []
        for other, dependency in sorted(service.depends_on.items()):
            if not dependency.restart:
                continue
            if other in tasks and tasks[other].renews:
                causes.append(f"{other} is made anew")
            elif (chosen is None or name in chosen) and started_before(ctx, name, other):
                causes.append(f"{other} was made anew after it started")
        if causes:
            found[name] = Task(name, "restart", tuple(causes))
    return found


def started_before(ctx: Context, name: str, other: str) -> bool:
    """Whether the container of `name` was started before that of `other` was created."""
    mine, theirs = ctx.container(name), ctx.container(other)
    if mine is None or theirs is None or mine.inspected is None:
        return False
    return 0 < mine.inspected.started_at < theirs.created


def pending(
    ctx: Context, verdicts: Mapping[str, Verdict], tasks: Mapping[str, Task], scope: frozenset[str]
) -> Iterator[str]:
    """What a narrowed plan leaves alone, one line for each service."""
    if ctx.request.services is None:
        return
    for name, verdict in verdicts.items():
        if name in tasks or name in scope:
            continue
        if verdict.action != "none":
            yield f"{name}: {_VERBS[verdict.action]} ({', '.join(verdict.causes)})"
            continue
        files = [
            put.path for put in pushes.service_files(ctx, ctx.desired.services[name], verdict, owes=False)
        ]
        files += [put.path for put in merging.service_merges(ctx, verdict, owes=False)]
        if files:
            yield f"{name}: push {', '.join(files)}"
        elif name not in ctx.held and any(
            dependency.restart and started_before(ctx, name, other)
            for other, dependency in ctx.desired.services[name].depends_on.items()
        ):
            yield f"{name}: restart (a dependency was made anew after it started)"
