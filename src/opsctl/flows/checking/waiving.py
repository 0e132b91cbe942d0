"""Outcomes under the waivers of the files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from opsctl.checks.situation import Situation
from opsctl.checks.waivers import Idle, Placed, idle, judged, waivers_of
from opsctl.flows.checking.running import Outcome


def waived(
    situation: Situation, outcomes: Sequence[Outcome], known: Collection[str], now: float
) -> tuple[tuple[Outcome, ...], tuple[Idle, ...]]:
    """The outcomes, failures that are accepted as `waived`, and the waivers that can go; `known` are the ids of all checks
    that are asked, `now` in seconds since the epoch.
    """
    waivers = waivers_of(situation)
    if not waivers:
        return tuple(outcomes), ()
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    asked = [(one.check, one.case, one.verdict) for one in outcomes]
    found = tuple(_waived(one, waivers, today) for one in outcomes)
    return found, idle(waivers, asked, today, known=frozenset(known))


def _waived(outcome: Outcome, waivers: Sequence[Placed], today: str) -> Outcome:
    covering = [one for one in waivers if one.covers(outcome.check, outcome.case)]
    verdict, waiver = judged(outcome.verdict, covering, today)
    return replace(outcome, verdict=verdict, waiver=waiver)
