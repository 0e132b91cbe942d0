"""Failures that somebody accepted: which waiver covers which case, what a verdict becomes by it, and which have had their day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from opsctl.checks.check import Case, Check
from opsctl.checks.questions import Verdict
from opsctl.checks.situation import Situation
from opsctl.model.fleet import Place
from opsctl.model.waivers import Waiver
from opsctl.render.problems import locate


@dataclass(frozen=True, slots=True)
class Placed:
    """A waiver where it holds: for checks of a service, or with "" of the host. `place` is where it was written."""

    host: str
    service: str
    waiver: Waiver
    place: Place

    def covers(self, check: Check, case: Case) -> bool:
        return (
            self.waiver.check == check.id
            and (self.host, self.service) == (case.host, case.service)
            and self.waiver.subject in {"", case.subject}
        )


State = Literal["ended", "passes", "nothing"]


@dataclass(frozen=True, slots=True)
class Idle:
    """A waiver to be taken out. `ended`: its last day is over; `passes`: what it accepts does not fail any more; `nothing`: no
    check of that service or host is asked that it could be about.
    """

    placed: Placed
    state: State


def waivers_of(situation: Situation) -> tuple[Placed, ...]:
    """Those of the hosts and services that are asked about, as they stand in the files."""
    return (*_of_hosts(situation), *_of_services(situation))


def _of_hosts(situation: Situation) -> Iterator[Placed]:
    fleet = situation.subject.fleet
    for host in situation.whole_hosts():
        for index, waiver in enumerate(fleet.host(host.name).waive):
            yield Placed(host.name, "", waiver, fleet.place("hosts", host.name, "waive", index))


def _of_services(situation: Situation) -> Iterator[Placed]:
    fleet, environment = situation.subject.fleet, situation.subject.environment
    for name, host in sorted(situation.hosts.items()):
        for stack, file in fleet.stacks_of(environment, name).items():
            for service, written in file.services.items():
                if host.chosen is None or service in host.chosen:
                    for index, waiver in enumerate(written.waive):
                        at = locate(fleet, environment, stack, "services", service, "waive", index)
                        yield Placed(name, service, waiver, at)


def judged(verdict: Verdict, covering: Sequence[Placed], today: str) -> tuple[Verdict, Waiver | None]:
    """The verdict under the waivers that cover its case, and the one that says so; `today` is `2026-11-26`.

    A failure is `waived` where one is in force. Where all of them have ended it stays a failure, and says that. Anything else
    stays as it is: nobody accepted what could not be told.
    """
    if verdict.result != "fail" or not covering:
        return verdict, None
    waiver = max((one.waiver for one in covering), key=lambda one: one.until)
    if waiver.until < today:
        said = f"its waiver ended on {waiver.until} ({waiver.reason})"
        return replace(verdict, message=_joined(verdict.message, said)), waiver
    said = f"waived until {waiver.until}: {waiver.reason}"
    return replace(verdict, result="waived", message=_joined(verdict.message, said)), waiver


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def idle(
    waivers: Sequence[Placed],
    asked: Sequence[tuple[Check, Case, Verdict]],
    today: str,
    *,
    known: frozenset[str],
) -> tuple[Idle, ...]:
    """`asked` are the cases with their verdicts, `known` the ids of all checks that this run asks: of another one nothing can
    be said.
    """
    found = []
    for one in waivers:
        results = {verdict.result for check, case, verdict in asked if one.covers(check, case)}
        if one.waiver.until < today:
            found.append(Idle(one, "ended"))
        elif results == {"pass"}:
            found.append(Idle(one, "passes"))
        elif not results and one.waiver.check in known:
            found.append(Idle(one, "nothing"))
    return tuple(found)
