"""Whether an environment is as its files say, and does what it should: every check that applies, asked at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from opsctl.checks.check import SEVERITIES, Case, Check, Severity
from opsctl.checks.questions import Verdict, settled, skipped
from opsctl.checks.situation import STAND_IN_LABEL, HostNow, Situation
from opsctl.errors import OpsctlError
from opsctl.flows.checking.answering import Answers, Outside
from opsctl.flows.checking.claims import swept
from opsctl.flows.checking.report import VerifyReport
from opsctl.flows.checking.running import Outcome, run_all
from opsctl.flows.checking.waiving import waived
from opsctl.flows.events import EventKind
from opsctl.flows.hosts import chosen_hosts, chosen_services
from opsctl.flows.planning import look_at_each, plan_all
from opsctl.flows.reports import EVERYTHING, HostOutcome, Selection
from opsctl.flows.service_status import causes_of, touched
from opsctl.flows.site import tell
from opsctl.flows.world import World
from opsctl.model.references import parse_reference
from opsctl.plan.request import PlanRequest
from opsctl.rules.subject import Subject
from opsctl.state.observed import Observed

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


AFTER_A_DEPLOY = Choice(frozenset({"deploy"}))


def verify(
    world: World,
    subject: Subject,
    checks: Sequence[Check],
    outside: Outside,
    *,
    selection: Selection = EVERYTHING,
    choice: Choice = Choice(),
) -> VerifyReport:
    """One look per host, then the checks; takes no lease, and what a check makes it removes. What checks of dead runs left there
    is removed first.

    Raises UsageError for a selection that names what is not there.
    """
    began = world.clock.monotonic()
    situation, errors = look_around(world, subject, selection)
    leftovers = swept(world, {name: host.observed for name, host in situation.hosts.items()})
    asked = _asked(world, situation, checks, outside, choice)
    known = {one.id for one in checks if choice.takes(one)}
    outcomes, waivers = waived(situation, asked, known, world.clock.now())
    green = _green(situation, outcomes) if choice.everything else {}
    took = world.clock.monotonic() - began
    return VerifyReport(subject.environment, outcomes, errors, green, took, leftovers, waivers)


def verify_changed(
    world: World,
    subject: Subject,
    checks: Sequence[Check],
    outside: Outside,
    *,
    changed: Sequence[HostOutcome],
    before: Mapping[str, Observed],
    selection: Selection = EVERYTHING,
) -> VerifyReport:
    """The checks with the tag `deploy`, of the hosts that a deploy has just changed: of all their services, or, after one
    that was narrowed, of those selected and those that it touched beside them.

    Those hosts are looked at anew. The others are known from the look `before` the deploy: checks may ask from there.
    """
    began = world.clock.monotonic()
    plans = {one.host: one.plan for one in changed}
    hosts = [host for host in subject.desired.hosts if host.name in plans]
    observed, errors = look_at_each(world, hosts, inspect_all=True)
    others = {name: one for name, one in before.items() if name not in plans}
    chosen: dict[str, Collection[str] | None] = dict.fromkeys(others, ())
    for host in hosts:
        selected = chosen_services(host, selection)
        chosen[host.name] = selected if selected is None else selected | touched(plans[host.name])
    situation = _situation(world, subject, {**others, **observed}, chosen)
    leftovers = swept(world, observed)
    asked = _asked(world, situation, checks, outside, AFTER_A_DEPLOY)
    outcomes, _waivers = waived(situation, asked, (), world.clock.now())
    took = world.clock.monotonic() - began
    return VerifyReport(subject.environment, outcomes, errors, seconds=took, leftovers=leftovers)


def look_around(
    world: World, subject: Subject, selection: Selection
) -> tuple[Situation, dict[str, OpsctlError]]:
    """What checks begin with, and the errors of hosts that could not be looked at."""
    hosts = chosen_hosts(subject.desired, selection)
    observed, errors = look_at_each(world, hosts, inspect_all=True)
    chosen = {host.name: chosen_services(host, selection) for host in hosts}
    return _situation(world, subject, observed, chosen), errors


def _situation(
    world: World,
    subject: Subject,
    observed: Mapping[str, Observed],
    chosen: Mapping[str, Collection[str] | None],
) -> Situation:
    plans = {one.host: one for one in plan_all(subject.desired, observed, EVERYTHING, PlanRequest()).hosts}
    now = {
        host.name: HostNow(
            host,
            observed[host.name],
            pending={name: causes_of(plans[host.name], name) for name in host.services},
            steps=len(plans[host.name].steps),
            chosen=chosen[host.name],
            run=world.who.run,
        )
        for host in subject.desired.hosts
        if host.name in observed
    }
    return Situation(subject, now)


def _asked(
    world: World,
    situation: Situation,
    checks: Sequence[Check],
    outside: Outside,
    choice: Choice,
) -> tuple[Outcome, ...]:
    planned = [
        (check, _awake(situation, check, case))
        for check in checks
        if choice.takes(check)
        for case in check.cases(situation)
    ]
    began = world.clock.monotonic()

    def told(kind: EventKind, host: str, subject: str = "", detail: str = "") -> None:
        tell(world, host, kind, began=began, subject=subject, detail=detail)

    hosts = Counter(case.host for _check, case in planned)
    for host, number in hosts.items():
        told("checking", host, detail=str(number))
    with closing(Answers(world, situation, outside)) as answers:
        outcomes = run_all(
            planned,
            answers.answer,
            world.clock,
            allow_metered=choice.allow_metered,
            begun=lambda check, case: told("check", case.host, _name(check, case)),
            ended=lambda one: told("check_done", one.host, _name(one.check, one.case), one.verdict.result),
        )
    for host in hosts:
        told("checked", host)
    return tuple(_clean(world, _proved(situation, one)) for one in outcomes)


def _awake(situation: Situation, check: Check, case: Case) -> Case:
    """Software that is down on purpose is not asked."""
    if not (check.software and case.service):
        return case
    mark = situation.service(case.host, case.service).mark
    return replace(case, talk=partial(settled, skipped(mark))) if mark in {"held", "on demand"} else case


def _name(check: Check, case: Case) -> str:
    return " ".join(filter(None, (check.id, case.service, case.subject)))


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
            good = all(result not in {"fail", "waived", "inconclusive"} for _id, result in results)
            key = parse_reference(one.service.asked_image).key
            verdicts.setdefault(key, []).append((tried, good, one.service.digest))
    return {
        key: found[0][2]
        for key, found in sorted(verdicts.items())
        if all(good for _tried, good, _digest in found)
        and any(tried for tried, _good, _digest in found)
        and len({digest for _tried, _good, digest in found}) == 1
    }
