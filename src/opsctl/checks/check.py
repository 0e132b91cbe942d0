"""A check as data: an id that is never used again, how much it matters, how patient it is, and the cases it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import get_args

from opsctl.checks.questions import Talk
from opsctl.checks.situation import Situation
from opsctl.model.checks import Severity, Tag

__all__ = ["SEVERITIES", "Case", "Check", "Patience", "Severity", "Tag"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""Least first."""


@dataclass(frozen=True, slots=True)
class Patience:
    """A case is asked anew, each `interval` seconds, until it passed `successes` times in a row or `deadline` seconds are
    over; what was found last counts. What could not be told is asked anew as well.
    """

    deadline: float = 0.0
    interval: float = 1.0
    successes: int = 1


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that a check looks at. `service` is "" where it is about the host; `subject` tells cases of one service
    apart, such as a path or a name. `talk` begins anew each time.
    """

    host: str
    service: str
    talk: Callable[[], Talk]
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """`proves` is what a pass means, `mend` what to do after a fail, `source` where the fact was read.

    `timeout` is for one attempt at one case, in seconds. `metered`: it costs money, and is asked with --allow-metered only.
    `on_request`: it bothers whoever uses the system, and is asked only where one of its tags is named.
    `software`: it is the software that answers, so that with a stand-in in its place a pass proves nothing.
    """

    id: str
    title: str
    severity: Severity
    proves: str
    mend: str
    source: str
    cases: Callable[[Situation], Iterator[Case]]
    tags: frozenset[Tag] = frozenset()
    patience: Patience = Patience()
    timeout: float = 30.0
    metered: bool = False
    software: bool = False
    on_request: bool = False
