"""Whether an environment is as its files say, and does what it should: every check that applies, asked at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from opsctl.checks.check import SEVERITIES, Case, Check, Severity
from opsctl.checks.questions import Verdict
from opsctl.checks.situation import STAND_IN_LABEL, HostNow, Situation
from opsctl.errors import Exit, OpsctlError, worst
from opsctl.flows.checking.answering import Answers, Outside
from opsctl.flows.checking.running import Outcome, run_all
from opsctl.flows.events import EventKind
from opsctl.flows.hosts import chosen_hosts, chosen_services
from opsctl.flows.planning import look_at_each, plan_all
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.flows.service_status import causes_of
from opsctl.flows.site import tell
from opsctl.flows.world import World
from opsctl.model.references import parse_reference
from opsctl.plan.request import PlanRequest
from opsctl.rules.subject import Subject

_HEALTHY, _LOCKED = "V-CTR-001", "V-IMG-001"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which checks: those with one of the `tags` (none: all but those on request), at least as severe; metered ones only where
    they are allowed.
    """

    tags: frozenset[str] = frozenset()
    severity: Severity = "low"
    allow_metered: bool = False

    def takes(self, check: Check) -> bool:
        if SEVERITIES.index(check.severity) < SEVERITIES.index(self.severity):
            return False
        return bool(self.tags & check.tags) if self.tags else not check.on_request

    @property
    def everything(self) -> bool:
        return not self.tags and self.severity == "low"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """`errors` are hosts that could not be looked at. `green` are the digests of images, by what the lock calls them, that a
    service passed everything with, and none failed with.
    """

    environment: str
    outcomes: tuple[Outcome, ...]
    errors: Mapping[str, OpsctlError] = field(default_factory=dict)
    green: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def exit(self) -> Exit:
        """4 where a check failed; 5 where one is inconclusive, which is never a pass, or a host could not be looked at."""
        results = {one.verdict.result for one in self.outcomes}
        codes = [error.exit for error in self.errors.values()]
        codes += [Exit.NO] if "fail" in results else []
        codes += [Exit.COULD_NOT_FIND_OUT] if "inconclusive" in results else []
        return worst(codes)


def verify(
    world: World,
    subject: Subject,
    checks: Sequence[Check],
    outside: Outside,
    *,
    selection: Selection = EVERYTHING,
    choice: Choice = Choice(),
) -> VerifyReport:
    """One look per host, then the checks; takes no lease, and what a check makes it removes.

    Raises UsageError for a selection that names what is not there.
    """
    began = world.clock.monotonic()
    situation, errors = look_around(world, subject, selection)
    planned = [(check, case) for check in checks if choice.takes(check) for case in check.cases(situation)]

    def told(kind: EventKind, check: Check, case: Case) -> None:
        subject = " ".join(filter(None, (check.id, case.service, case.subject)))
        tell(world, case.host, kind, began=began, subject=subject)

    outcomes = run_all(
        planned,
        Answers(world, situation, outside).answer,
        world.clock,
        allow_metered=choice.allow_metered,
        begun=lambda check, case: told("step", check, case),
        ended=lambda outcome: told("step_done", outcome.check, outcome.case),
    )
    found = tuple(_clean(world, _proved(situation, one)) for one in outcomes)
    green = _green(situation, found) if choice.everything else {}
    seconds = world.clock.monotonic() - began
    return VerifyReport(subject.environment, found, errors, green, seconds)


def look_around(
    world: World, subject: Subject, selection: Selection
) -> tuple[Situation, dict[str, OpsctlError]]:
    """What checks begin with, and the errors of hosts that could not be looked at."""
    hosts = chosen_hosts(subject.desired, selection)
    observed, errors = look_at_each(world, hosts, inspect_all=True)
    plans = {
        one.host: one
        for one in plan_all(subject.desired, observed, Selection(hosts=selection.hosts), PlanRequest()).hosts
    }
    now = {
        host.name: HostNow(
            host,
            observed[host.name],
            pending={name: causes_of(plans[host.name], name) for name in host.services},
            steps=len(plans[host.name].steps),
            chosen=chosen_services(host, selection),
        )
        for host in hosts
        if host.name in observed
    }
    return Situation(subject, now), errors


def _proved(situation: Situation, outcome: Outcome) -> Outcome:
    """What a stand-in answers proves nothing of the software in whose place it stands."""
    if not (outcome.check.software and outcome.service and outcome.verdict.result == "pass"):
        return outcome
    container = situation.service(outcome.host, outcome.service).container
    if container is None or STAND_IN_LABEL not in container.labels:
        return outcome
    return replace(
        outcome, verdict=replace(outcome.verdict, result="unproved", message="a stand-in answered")
    )


def _clean(world: World, outcome: Outcome) -> Outcome:
    verdict, redact = outcome.verdict, world.redact
    clean = Verdict(
        verdict.result, redact(verdict.message), redact(verdict.expected), redact(verdict.observed)
    )
    return replace(outcome, verdict=clean)


def _green(situation: Situation, outcomes: Sequence[Outcome]) -> dict[str, str]:
    """An image counts as tried where a service is healthy with it and passed all else that it was asked."""
    verdicts: dict[str, list[tuple[bool, bool, str]]] = {}
    for one in situation.services():
        results = {
            (other.check.id, other.verdict.result)
            for other in outcomes
            if (other.host, other.service) == (one.host.name, one.name)
        }
        if one.service.digest and results:
            tried = {(_HEALTHY, "pass"), (_LOCKED, "pass")} <= results
            good = all(result not in {"fail", "inconclusive"} for _id, result in results)
            key = parse_reference(one.service.asked_image).key
            verdicts.setdefault(key, []).append((tried, good, one.service.digest))
    return {
        key: found[0][2]
        for key, found in sorted(verdicts.items())
        if all(good for _tried, good, _digest in found)
        and any(tried for tried, _good, _digest in found)
        and len({digest for _tried, _good, digest in found}) == 1
    }
