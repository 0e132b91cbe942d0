"""The gate of a deploy: new versions are tried before anything stops, and lists that matter must not shrink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from opsctl.apps.crossings import crossings
from opsctl.checks.gates import Crossing, Gate, Roster, lost
from opsctl.checks.questions import Talk, Verdict, passed
from opsctl.checks.situation import HostNow, ServiceNow, Situation
from opsctl.errors import CouldNotFindOut, OperationFailed, Refused
from opsctl.flows.bringing import bring
from opsctl.flows.checking.answering import Answers, Outside
from opsctl.flows.checking.running import hold
from opsctl.flows.look import look
from opsctl.flows.service_status import touched
from opsctl.flows.site import Site
from opsctl.plan.plans import HostPlan, Plan
from opsctl.plan.steps import Build, Pull, Tag
from opsctl.rules.subject import Subject
from opsctl.state.observed import Observed

PATIENCE, INTERVAL = 60.0, 2.0
"""Seconds that a new container may take until a list is as long as before, and between two looks at it."""
_TRIAL = 180.0
_ROSTER = 120.0

_WITHOUT = "--no-gate goes on without asking"


@dataclass(frozen=True, slots=True)
class _Taken:
    service: str
    roster: Roster
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Gates:
    """One deploy's. `observed` and `plan` are those that were agreed to."""

    subject: Subject
    outside: Outside
    observed: Mapping[str, Observed]
    plan: Plan
    _taken: dict[str, list[_Taken]] = field(default_factory=dict)

    def before(self, site: Site) -> None:
        """Raises Refused for a version that a trial speaks against, CouldNotFindOut where nobody could tell, and what a pull
        or a build raises; nothing was stopped then.
        """
        plan = next(one for one in self.plan.hosts if one.host == site.name)
        situation = self._situation(site, self.observed[site.name])
        for gate, crossing in self._crossed(situation, site.name, plan):
            if gate.trial:
                self._try(site, situation, gate.trial(crossing), crossing, plan)
            if crossing.now.runs:
                self._taken.setdefault(site.name, []).extend(
                    _Taken(crossing.name, one, self._before(site, situation, one, crossing.now))
                    for one in gate.rosters
                )

    def after(self, site: Site) -> None:
        """Raises OperationFailed for a list that is shorter than it was, or that nobody could tell any more."""
        clock = site.world.clock
        for one in self._taken.get(site.name, []):
            began = clock.monotonic()
            site.tell("step", f"count {one.roster.what} of {one.service}")
            while wrong := self._missing(site, one):
                if clock.monotonic() - began + INTERVAL > PATIENCE:
                    raise OperationFailed(
                        f"{one.service}: {wrong}",
                        where=site.name,
                        hint="the new version runs; opsctl logs says why, and docs/upgrading.md how to go back",
                    )
                clock.sleep(INTERVAL)
            site.tell("step_done", f"count {one.roster.what} of {one.service}")

    def _missing(self, site: Site, taken: _Taken) -> str:
        """What is wrong with a list now; "" where it has all that it had."""
        site.check()
        situation = self._situation(site, look(site.connection, site.host, inspect_all=True))
        now = situation.service(site.name, taken.service)
        verdict, names = self._roster(site, situation, taken.roster, now)
        if verdict.result != "pass":
            return f"its {taken.roster.what} could not be told: {verdict.message}"
        gone = lost(taken.names, names)
        return f"{taken.roster.what} are gone: {', '.join(gone)}" if gone else ""

    def _before(self, site: Site, situation: Situation, roster: Roster, now: ServiceNow) -> frozenset[str]:
        verdict, names = self._roster(site, situation, roster, now)
        site.check()
        if verdict.result != "pass":
            raise CouldNotFindOut(
                f"{now.name}: its {roster.what} could not be told: {verdict.message}; nothing was stopped",
                where=site.name,
                hint=_WITHOUT,
            )
        return names

    def _roster(
        self, site: Site, situation: Situation, roster: Roster, now: ServiceNow
    ) -> tuple[Verdict, frozenset[str]]:
        found: list[frozenset[str]] = []

        def talk() -> Talk:
            found.append((yield from roster.take(now)))
            return passed()

        verdict = self._held(site, situation, talk(), _ROSTER)
        return verdict, found[0] if found else frozenset()

    def _try(self, site: Site, situation: Situation, talk: Talk, crossing: Crossing, plan: HostPlan) -> None:
        for step in _bringing(plan, crossing):
            site.tell("step", f"{step.verb} {step.subject()}", "to try it")
            bring(site, step)
            site.tell("step_done", f"{step.verb} {step.subject()}")
        site.tell("step", f"try {crossing}")
        verdict = self._held(site, situation, talk, _TRIAL)
        site.check()
        told = f"{crossing}: {verdict.message}; nothing was stopped"
        if verdict.result == "fail":
            raise Refused(told, where=site.name, hint=_WITHOUT)
        if verdict.result not in {"pass", "skip"}:
            raise CouldNotFindOut(told, where=site.name, hint=_WITHOUT)
        site.tell("step_done", f"try {crossing}", verdict.message)

    def _held(self, site: Site, situation: Situation, talk: Talk, timeout: float) -> Verdict:
        ask = Answers(site.world, situation, self.outside).answer
        verdict = hold(talk, ask, site.world.clock, timeout=timeout, stop=site.stop.is_set)
        return Verdict(verdict.result, site.world.redact(verdict.message))

    def _situation(self, site: Site, observed: Observed) -> Situation:
        return Situation(self.subject, {site.name: HostNow(site.host, observed)})

    def _crossed(self, situation: Situation, host: str, plan: HostPlan) -> Iterator[tuple[Gate, Crossing]]:
        """Of the services whose containers this plan makes anew."""
        made = touched(plan)
        for app, crossing in crossings(self.subject, situation.hosts[host]):
            if app.gate and crossing.name in made:
                yield app.gate, crossing


def _bringing(plan: HostPlan, crossing: Crossing) -> Iterator[Pull | Build | Tag]:
    """The steps that bring the new image, in their order: what a build begins with, the build, its name."""
    for step in plan.steps:
        if (isinstance(step, Pull | Build) and crossing.name in step.services) or (
            isinstance(step, Tag) and step.name == crossing.now.service.image
        ):
            yield step
