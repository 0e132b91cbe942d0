"""Desired against observed: the plan of one host. Pure: the same two sides give the same plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from opsctl.images.other_images import other_images
from opsctl.plan import builds, ensures, merging, pushes, resources
from opsctl.plan.context import Context, context, final_document
from opsctl.plan.merge import Merge
from opsctl.plan.narrowing import pending, widen
from opsctl.plan.plans import HostPlan
from opsctl.plan.request import PlanRequest
from opsctl.plan.schedule import Task, schedule
from opsctl.plan.steps import Pull, Push, PutFile, React, ReplaceNetwork, Settle, Step
from opsctl.plan.unsettled import unsettled
from opsctl.plan.verdict import Verdict, judge
from opsctl.state.desired import DesiredHost, DesiredService
from opsctl.state.local_images import image_id
from opsctl.state.observed import Observed


def plan_host(desired: DesiredHost, observed: Observed, request: PlanRequest) -> HostPlan:
    """The steps that make one host as desired, each with its causes, and what forbids or surrounds them."""
    ctx = context(desired, observed, request)
    verdicts = {name: judge(ctx, service) for name, service in sorted(desired.services.items())}
    tasks = widen(ctx, verdicts)
    scope = _scope(ctx, tasks)
    touched = {name: desired.services[name] for name, task in tasks.items() if task.renews}
    replaced = _replaced_networks(ctx, touched)
    merges = tuple(_merges(ctx, verdicts, tasks, scope))
    files = _files(ctx, verdicts, tasks, scope, replaced)
    steps = (
        *_pulls(ctx, touched),
        *builds.steps(ctx, observed, touched, scope),
        *merges,
        *([Push(files)] if files else []),
        *replaced.values(),
        *_after_push(ctx, tasks, (*merges, *files), scope),
    )
    forbidden = (
        *request.refusals,
        *resources.refusals(ctx, touched, replaced),
        *_missing_dependencies(ctx, tasks),
        *(_kept_edits(verdicts, scope) if request.keep_host_edits else ()),
        *_never_pulled(ctx, touched),
        *unsettled(ctx, tasks, (*merges, *files)),
        *merging.refusals(ctx, scope),
        *ensures.refusals(ctx, scope),
    )
    return HostPlan(
        host=desired.name,
        directory=desired.directory,
        steps=steps,
        creates=resources.creations(ctx, touched),
        pending=(*pending(ctx, verdicts, tasks, scope), *ensures.pending(ctx, tasks, scope)),
        refusals=tuple(dict.fromkeys(forbidden)),
        notes=(*_notes(ctx, verdicts), *ensures.notes(ctx)),
    )


def _scope(ctx: Context, tasks: Mapping[str, Task]) -> frozenset[str]:
    """The services whose files and mappings are put: the selected ones, and those made anew along with them."""
    chosen = ctx.request.services
    if chosen is None:
        return frozenset(ctx.desired.services)
    return chosen | {name for name, task in tasks.items() if task.renews}


def _replaced_networks(ctx: Context, touched: Mapping[str, DesiredService]) -> dict[str, ReplaceNetwork]:
    used = {name for service in touched.values() for name in service.networks}
    return {name: step for name, step in resources.changed_networks(ctx).items() if name in used}


def _pulls(ctx: Context, touched: Mapping[str, DesiredService]) -> Iterator[Pull]:
    missing: dict[str, list[str]] = {}
    for name, service in touched.items():
        if ctx.desired.pulls:
            for image in _missing(ctx, service):
                if image != service.image or not _pull_never(service):
                    missing.setdefault(image, []).append(name)
    for image, services in sorted(missing.items()):
        yield Pull(image, tuple(services))


def _missing(ctx: Context, service: DesiredService) -> tuple[str, ...]:
    """The images of a service that its host lacks: its own or what that is built on first, then those of hooks
    and volumes.
    """
    own = builds.bases(ctx, service) if service.build else (service.image,)
    named = (*own, *(image for _key, image in other_images(service.definition)))
    return tuple(image for image in dict.fromkeys(named) if image_id(ctx.observed.images, image) is None)


def _pull_never(service: DesiredService) -> bool:
    return service.definition.get("pull_policy") in {"never", "build"}


def _never_pulled(ctx: Context, touched: Mapping[str, DesiredService]) -> Iterator[str]:
    host = ctx.desired.name
    for name, service in touched.items():
        for image in _missing(ctx, service):
            if not ctx.desired.pulls:
                yield f"{name}: {image} is not on {host}, and images = push: opsctl push-images {host} {name}"
            elif image == service.image and _pull_never(service):
                yield f"{name}: image {image} is not on the host and its pull_policy forbids to pull it"


def _files(
    ctx: Context,
    verdicts: Mapping[str, Verdict],
    tasks: Mapping[str, Task],
    scope: frozenset[str],
    replaced: Mapping[str, ReplaceNetwork],
) -> tuple[PutFile, ...]:
    """Every file that differs, by service, and compose.yml last."""
    found: list[PutFile] = []
    for name in sorted(scope & set(ctx.desired.services)):
        owes = _keeps_running(ctx, tasks, name)
        found += pushes.service_files(ctx, ctx.desired.services[name], verdicts[name], owes=owes)
    found += pushes.own_files(ctx)
    document = final_document(ctx, None if ctx.request.services is None else scope, frozenset(replaced))
    renewed = {name for name, task in tasks.items() if task.renews}
    compose = pushes.compose_file(ctx, document, verdicts, renewed)
    return (*found, compose) if compose else tuple(found)


def _merges(
    ctx: Context, verdicts: Mapping[str, Verdict], tasks: Mapping[str, Task], scope: frozenset[str]
) -> Iterator[Merge]:
    """Merged files come before compose.yml, whose labels say what they mean."""
    for name in sorted(scope & set(ctx.desired.services)):
        yield from merging.service_merges(ctx, verdicts[name], owes=_keeps_running(ctx, tasks, name))
    yield from merging.forgetting(ctx, scope)


def _keeps_running(ctx: Context, tasks: Mapping[str, Task], name: str) -> bool:
    return not (name in tasks and tasks[name].renews) and ctx.runs(name)


def _after_push(
    ctx: Context, tasks: Mapping[str, Task], files: tuple[PutFile | Merge, ...], scope: frozenset[str]
) -> Iterator[Step]:
    """Waves, then the reactions of files, then the markers that ask for nothing any more."""
    renewed = frozenset(
        name for name, task in tasks.items() if task.renews or task.action in {"start", "restart"}
    )
    wanted = [one for one in pushes.reactions(ctx, files, renewed) if one.service in scope]
    restarts = {one.service: one for one in wanted if one.kind == "restart"}
    depth_first = dict(tasks)
    for name, one in restarts.items():
        depth_first[name] = Task(name, "restart", one.causes, settles=(name, "restart"))
    yield from schedule(ctx, depth_first, ensures.steps(ctx, depth_first, scope))
    for one in wanted:
        if one.kind != "restart":
            yield from _react(one)
    markers = pushes.settled_markers(ctx, files, wanted, scope)
    if markers:
        yield Settle(markers)


def _react(owed: pushes.Reactions) -> Iterator[React]:
    """One step for each distinct command or signal; the last one settles the marker."""
    acts = list(dict.fromkeys((file.reaction.command, file.reaction.signal) for file in owed.files))
    for number, (command, signal) in enumerate(acts, start=1):
        yield React(
            service=owed.service,
            kind="signal" if owed.kind == "signal" else "reload",
            command=command,
            signal=signal,
            causes=owed.causes,
            settles=(owed.service, owed.kind) if number == len(acts) else None,
        )


@dataclass(frozen=True, slots=True)
class _Need:
    service: str
    dependency: str
    state: str


def _missing_dependencies(ctx: Context, tasks: Mapping[str, Task]) -> Iterator[str]:
    """Dependencies that a narrowed plan leaves down although a service it touches waits for them."""
    for need in _unmet(ctx, tasks):
        yield (
            f"{need.service} needs {need.dependency}, which {need.state} and is not part of this run; "
            f"name {need.dependency} too, or start it"
        )


def _unmet(ctx: Context, tasks: Mapping[str, Task]) -> Iterator[_Need]:
    for name in tasks:
        service = ctx.desired.services[name]
        for other, dependency in sorted(service.depends_on.items()):
            target = ctx.desired.services.get(other)
            if target is None or other in tasks or target.on_demand or other in ctx.held:
                continue
            container = ctx.container(other)
            if target.kind == "job":
                done = container is not None and container.state == "exited" and container.exit_code == 0
                gates = dependency.condition == "service_completed_successfully"
                if gates and not done and not ctx.runs(other):
                    yield _Need(name, other, "has not succeeded")
            elif not ctx.runs(other):
                yield _Need(name, other, "does not run")


def _kept_edits(verdicts: Mapping[str, Verdict], scope: frozenset[str]) -> Iterator[str]:
    for name, verdict in verdicts.items():
        if name in scope:
            yield from (
                f"{path} was edited on the host ({name}); carry the edit over to the project's files, "
                "or deploy without --keep-host-edits"
                for path in verdict.edits
            )


def _notes(ctx: Context, verdicts: Mapping[str, Verdict]) -> Iterator[str]:
    for verdict in verdicts.values():
        yield from verdict.notes
    for name, containers in sorted(ctx.containers.items()):
        if name not in ctx.desired.services:
            yield from (
                f"stray container {one.name}: no stack of this host names {name}; `docker rm -f {one.name}` removes it"
                for one in containers
            )
    if ctx.request.services is None:
        known = {ctx.desired.services[name].env_path for name in ctx.desired.env_files}
        known |= {file.path for service in ctx.desired.services.values() for file in service.files}
        known |= set(ctx.desired.own_files)
        yield from (f"stray file {path}: nothing uses it" for path in sorted(set(ctx.observed.files) - known))
    yield from ctx.request.notes
