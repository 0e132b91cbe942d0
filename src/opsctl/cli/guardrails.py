"""What speaks against a host's plan beside the plan itself: memory, as far as the files tell and once the host was looked
at, what a rule calls an error, and versions that an app does not cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from opsctl.checks.situation import HostNow
from opsctl.cli.budgets import budget_of
from opsctl.flows.hosts import chosen_services
from opsctl.flows.planning import Policy
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.model.fleet import Fleet
from opsctl.state.desired import Desired, DesiredHost
from opsctl.state.observed import Observed

_JUDGED_WITH_THE_HOST = frozenset({"MEM001"})
"""Where hosts.toml does not say how much RAM a host has, the look does."""


def policy(fleet: Fleet, desired: Desired, now: float, selection: Selection = EVERYTHING) -> Policy:
    """Refusals and notes for the plan of a host. `now` is in seconds since the epoch, for suppressions that have an end.

    Of versions only those of the selected services count: others are not crossed by this plan.
    """

    @cache
    def errors() -> Sequence[tuple[str, frozenset[str], str]]:
        return tuple(_errors(fleet, desired, now))

    def judge(host: DesiredHost, observed: Observed) -> tuple[Sequence[str], Sequence[str]]:
        found = budget_of(fleet, desired.environment, host, observed.resources.memory_total or None)
        reasons = [f"memory: {reason}" for reason in found.reasons]
        broken = [
            text
            for name, hosts, text in errors()
            if host.name in hosts or (not hosts and name in host.services)
        ]
        barred, known = _versions(fleet, desired, host, observed, selection)
        if found.verdict == "refuse":
            return [*reasons, *broken, *barred], known
        return [*broken, *barred], [*reasons, *known]

    return judge


def _versions(
    fleet: Fleet, desired: Desired, host: DesiredHost, observed: Observed, selection: Selection
) -> tuple[list[str], list[str]]:
    """Why versions are not crossed, and what is to be known of those that are."""
    from opsctl.apps.crossings import crossings, known_of, refusals_of
    from opsctl.rules.subject import Subject

    chosen = chosen_services(host, selection)
    found = crossings(Subject(fleet, desired), HostNow(host, observed, chosen=chosen))
    return refusals_of(found), known_of(found)


def _errors(fleet: Fleet, desired: Desired, now: float) -> list[tuple[str, frozenset[str], str]]:
    """Service, hosts and text of every error that stands; no store is asked, since the rendering was."""
    from datetime import UTC, datetime

    from opsctl.apps.catalogue import apps_of, rules_of
    from opsctl.rules.engine import apply
    from opsctl.rules.subject import Subject

    rules = [
        one
        for one in rules_of(apps_of(fleet))
        if one.severity == "error" and one.id not in _JUDGED_WITH_THE_HOST
    ]
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    return [
        (
            one.hit.service,
            one.hosts,
            f"{one.hit.message} ({one.rule.id}, {one.hit.place})"
            + (f"; {one.hit.hint}" if one.hit.hint else ""),
        )
        for one in apply(rules, Subject(fleet, desired, now=now), today).findings
        if one.refuses
    ]
