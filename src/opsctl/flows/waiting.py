"""Waiting for containers: healthy, settled, or a job's end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from opsctl.errors import HealthFailed
from opsctl.flows import containers
from opsctl.flows.containers import Present
from opsctl.flows.site import Site
from opsctl.plan.steps import RunJob, Wait

_PAUSES = (0.1, 0.25, 0.5)
_LONGEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`failure` ends the wait at once, `reached` ends it well; `words` say how it is.

    `left` is in how many seconds it will be reached if nothing happens, where that is known.
    """

    words: str
    reached: bool = False
    failure: str = ""
    left: float = math.inf


def judge_health(now: Present) -> Verdict:
    """Whether a container with a healthcheck is there."""
    if now.state in {"exited", "dead"}:
        return Verdict(now.state, failure="stopped again")
    if now.health == "unhealthy":
        return Verdict("unhealthy", failure="is unhealthy")
    if now.state == "running" and (now.health == "healthy" or not now.has_health):
        return Verdict("healthy", reached=True)
    return Verdict(now.health or now.state)


def judge_settling(now: Present, steady: float, settle: float) -> Verdict:
    """Whether a container without a healthcheck has stayed up; `steady` are the seconds since it last began to run."""
    if now.state in {"exited", "dead"}:
        return Verdict(now.state, failure="stopped again")
    if now.state != "running":
        return Verdict(now.state)
    words = f"running {int(steady)} of {settle:g} s"
    return Verdict(words, reached=steady >= settle, left=max(settle - steady, 0.0))


def judge_job(now: Present) -> Verdict:
    """Whether a one-shot container has ended well."""
    if now.state not in {"exited", "dead"}:
        return Verdict(now.state)
    if now.exit_code == 0 and now.state == "exited":
        return Verdict("done", reached=True)
    return Verdict(now.state, failure="failed")


def wait_for(site: Site, step: Wait, since: float) -> None:
    """Wait for a service; `since` (monotonic) is when its container was last touched.

    Raises HealthFailed with evidence, early where it cannot get better by waiting.
    """
    if step.condition == "done":
        _watch(site, step.service, step.timeout, since, judge=judge_job, late="did not end")
    elif step.condition == "healthy":
        _watch(site, step.service, step.timeout, since, judge=judge_health, late="did not become healthy")
    else:
        judge = _Settling(site, step.settle, since)
        _watch(site, step.service, step.timeout, since, judge=judge.judge, late="did not stay up")


def wait_for_job(site: Site, step: RunJob, since: float) -> None:
    """Wait for a job's exit 0. Raises HealthFailed with evidence."""
    _watch(site, step.service, step.timeout, since, judge=judge_job, late="did not end")


@dataclass(slots=True)
class _Settling:
    """Begins to count anew whenever the container was not running or has started again.

    A healthcheck that comes with the image counts as one that the service defines; only the container tells of it.
    """

    site: Site
    settle: float
    steady_since: float
    last_start: tuple[float, int] | None = None

    def judge(self, now: Present) -> Verdict:
        clock = self.site.world.clock.monotonic()
        if now.has_health:
            return judge_health(now)
        start = (now.started_at, now.restart_count)
        if now.state != "running" or self.last_start not in {None, start}:
            self.steady_since = clock
        self.last_start = start
        return judge_settling(now, clock - self.steady_since, self.settle)


def _watch(
    site: Site, service: str, timeout: float, since: float, *, judge: Callable[[Present], Verdict], late: str
) -> None:
    """Look at the container, with growing pauses between, until the judge is content."""
    engine, clock = site.connection.engine, site.world.clock
    container = containers.found(engine, site.host.project, service, site.name)
    for pause in itertools.chain(_PAUSES, itertools.repeat(_LONGEST_PAUSE)):
        site.check()
        now = containers.present(engine, container)
        if now is None:
            raise HealthFailed(f"{service} disappeared while it was waited for", where=site.name)
        verdict = judge(now)
        if verdict.reached:
            return
        over = clock.monotonic() - since > timeout
        failure = verdict.failure or (f"{late} within {timeout:g} s" if over else "")
        if failure:
            raise _failed(site, f"{service} {failure}", service, now)
        site.tell("waiting", service, verdict.words)
        clock.sleep(min(pause, verdict.left))


_JOB = "; what shall end by itself is a job: write kind: job in its stack"


def _failed(site: Site, message: str, service: str, now: Present) -> HealthFailed:
    ended_well = now.state == "exited" and now.exit_code == 0
    return HealthFailed(
        f"{message}: {containers.described(now)}",
        where=site.name,
        evidence=containers.evidence(site.connection.engine, now, site.world.redact),
        hint=f"opsctl why {service}{_JOB if ended_well else ''}",
    )
