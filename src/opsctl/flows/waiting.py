"""Waiting for containers: healthy, settled, or a job's end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
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
    """`failure` ends the wait at once, `reached` ends it well; `words` say how it is."""

    words: str
    reached: bool = False
    failure: str = ""


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
    return Verdict(f"running {steady:.0f} of {settle:g} s", reached=steady >= settle)


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
    watch = _Watch(site, step.service, step.timeout, since)
    if step.condition == "healthy":
        for now in watch.looks():
            if watch.settled(judge_health(now), now, "did not become healthy"):
                return
    steady_since, last_start = since, None
    for now in watch.looks():
        start = (now.started_at, now.restart_count)
        if last_start not in {None, start} or now.state != "running":
            steady_since = site.world.clock.monotonic()
        last_start = start
        steady = site.world.clock.monotonic() - steady_since
        if watch.settled(judge_settling(now, steady, step.settle), now, "did not stay up"):
            return


def wait_for_job(site: Site, step: RunJob, since: float) -> None:
    """Wait for a job's exit 0. Raises HealthFailed with evidence."""
    watch = _Watch(site, step.service, step.timeout, since)
    for now in watch.looks():
        if watch.settled(judge_job(now), now, "did not end"):
            return


@dataclass(frozen=True, slots=True)
class _Watch:
    site: Site
    service: str
    timeout: float
    since: float

    def looks(self) -> Iterator[Present]:
        """Looks at the container, for ever, with growing pauses between them."""
        site = self.site
        container = containers.found(site.connection.engine, site.host.project, self.service, site.name)
        for pause in itertools.chain(_PAUSES, itertools.repeat(_LONGEST_PAUSE)):
            site.check()
            now = containers.present(site.connection.engine, container)
            if now is None:
                raise HealthFailed(f"{self.service} disappeared while it was waited for", where=site.name)
            yield now
            site.world.clock.sleep(pause)

    def settled(self, verdict: Verdict, now: Present, late: str) -> bool:
        """Tell how it is. Raises HealthFailed on a failure, or where the time is over."""
        if verdict.reached:
            return True
        self.site.tell("waiting", self.service, verdict.words)
        over = self.site.world.clock.monotonic() - self.since > self.timeout
        failure = verdict.failure or (f"{late} within {self.timeout:g} s" if over else "")
        if failure:
            raise HealthFailed(
                f"{self.service} {failure}: {containers.described(now)}",
                where=self.site.name,
                evidence=containers.evidence(self.site.connection.engine, now, self.site.world.redact),
                hint=f"opsctl why {self.service}",
            )
        return False
