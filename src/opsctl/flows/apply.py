"""Carrying out a host's plan, step by step, without a decision of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsctl.argv import compose, docker, marks
from opsctl.errors import EngineUnavailable
from opsctl.flows import containers
from opsctl.flows.bringing import bring
from opsctl.flows.ensuring import ensure
from opsctl.flows.merging import carry_out_merge
from opsctl.flows.pushing import carry_out_push, refuse_unusable
from opsctl.flows.site import Progress, Site
from opsctl.flows.waiting import wait_for, wait_for_job
from opsctl.plan.ensure import Ensure
from opsctl.plan.merge import Merge
from opsctl.plan.plans import HostPlan
from opsctl.plan.steps import (
    Build,
    Pull,
    Push,
    React,
    Recreate,
    ReplaceNetwork,
    Restart,
    RunJob,
    Settle,
    Start,
    Step,
    Tag,
    Wait,
)


def apply(site: Site, plan: HostPlan, progress: Progress) -> None:
    """Carry out every step in its order and keep `progress` true at each moment.

    Raises CommandFailed, HealthFailed, LeaseLost, EngineUnavailable, ConnectFailed, Interrupted; nothing is carried
    out after the step that failed.
    """
    if _needs_compose_checked(plan.steps):
        refuse_unusable(site, site.connection.shell.run(compose.check_version()))
    for batch in batches(plan.steps):
        for step in batch:
            site.tell("step", f"{step.verb} {step.subject()}", step.reason())
        try:
            _carry_out(site, batch, progress)
        except EngineUnavailable:
            site.lease.confirm()  # a run that was stopped in the middle of a question lost its lease too: that says more
            raise
        progress.done += len(batch)
        for step in batch:
            site.tell("step_done", f"{step.verb} {step.subject()}")


def batches(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """The steps in their order, recreations of one wave that follow each other together: they are one `up`."""
    together: list[Step] = []
    for step in steps:
        last = together[-1] if together else None
        if together and not (
            isinstance(step, Recreate) and isinstance(last, Recreate) and step.wave == last.wave
        ):
            yield tuple(together)
            together = []
        together.append(step)
    if together:
        yield tuple(together)


def _needs_compose_checked(steps: Sequence[Step]) -> bool:
    """A push of compose.yml checks Compose by itself, before it touches anything."""
    pushed = any(isinstance(step, Push) and step.files[-1].path == "compose.yml" for step in steps)
    return not pushed and any(isinstance(step, Recreate | RunJob) for step in steps)


def _carry_out(site: Site, batch: tuple[Step, ...], progress: Progress) -> None:
    step = batch[0]
    match step:
        case Pull() | Build() | Tag():
            bring(site, step)
        case Merge():
            carry_out_merge(site, step, progress)
        case Push():
            carry_out_push(site, step.files, progress)
        case Wait():
            wait_for(site, step, progress.touched.get(step.service, site.world.clock.monotonic()))
        case _:
            site.check()
            progress.changed = True
            _touch(site, batch, progress)


def _touch(site: Site, batch: tuple[Step, ...], progress: Progress) -> None:
    step = batch[0]
    match step:
        case ReplaceNetwork():
            _replace_network(site, step)
        case Recreate():
            _up(site, [one.service for one in batch if isinstance(one, Recreate)], progress)
        case RunJob():
            _up(site, [step.service], progress)
            wait_for_job(site, step, progress.touched[step.service])
        case Start():
            site.run(docker.start(site.directory, site.run_id, step.container))
            progress.touched[step.service] = site.world.clock.monotonic()
        case Restart():
            site.run(docker.restart(site.directory, site.run_id, _container(site, step.service)))
            progress.touched[step.service] = site.world.clock.monotonic()
            _settle(site, step.settles)
        case React():
            _react(site, step)
            _settle(site, step.settles)
        case Ensure():
            ensure(site, step)
        case Settle():
            site.run(marks.settle(site.directory, site.run_id, step.markers))


def _up(site: Site, services: Sequence[str], progress: Progress) -> None:
    site.run(compose.up(site.directory, site.host.project, site.run_id, services))
    now = site.world.clock.monotonic()
    progress.touched.update(dict.fromkeys(services, now))


def _replace_network(site: Site, step: ReplaceNetwork) -> None:
    if step.containers:
        site.run(docker.stop(site.directory, site.run_id, step.containers))
        site.run(docker.remove(site.directory, site.run_id, step.containers))
    site.run(docker.remove_network(site.directory, site.run_id, step.network))


def _react(site: Site, step: React) -> None:
    container = _container(site, step.service)
    if step.kind == "signal":
        site.run(docker.kill(site.directory, site.run_id, container, step.signal))
    else:
        site.run(docker.exec_inside(site.directory, site.run_id, container, step.command))


def _settle(site: Site, marker: tuple[str, str] | None) -> None:
    if marker:
        site.run(marks.settle(site.directory, site.run_id, [marker]))


def _container(site: Site, service: str) -> str:
    return containers.found(site.connection.engine, site.host.project, service, site.name)
