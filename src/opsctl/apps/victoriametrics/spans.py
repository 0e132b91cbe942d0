"""Spans of time as VictoriaMetrics and Prometheus write them, and how long it takes until somebody is told."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, fields

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 365 * 86400.0}
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdwy]))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")
_RETENTION = re.compile(r"(\d+(?:\.\d+)?)([shdwMy])")
_MONTH = 31 * 86400.0
# VictoriaMetrics: -search.latencyOffset, and since 1.96 vmalert -rule.evalDelay, which follows it; both 30 s.
EVALUATION_DELAY = 30.0
# cAdvisor v0.60.5 lib/manager: looks at a container every second; after quiet times twice as long, up to a minute.
LOOKED_AT = 60.0


def seconds(text: object, default: float = 0.0) -> float:
    """Of a span such as 90s or 1h30m; `default` for what is none."""
    if not isinstance(text, str) or not _SPAN.fullmatch(text):
        return default
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def retention_seconds(text: str) -> float | None:
    """Of -retentionPeriod with a unit (lib/flagutil/duration.go); None for a plain number, which means months."""
    match = _RETENTION.fullmatch(text)
    return float(match[1]) * (_MONTH if match[2] == "M" else _UNITS[match[2]]) if match else None


@dataclass(frozen=True, slots=True)
class Road:
    """From the moment that something is so to the message, part by part, each in seconds and at its worst."""

    looked_at: float
    scraped: float
    visible: float
    evaluated: float
    held: float
    grouped: float

    @property
    def total(self) -> float:
        return sum(astuple(self), 0.0)

    def __str__(self) -> str:
        said = (f"{part.name.replace('_', ' ')} {getattr(self, part.name):g}" for part in fields(self))
        return f"{self.total:.0f} s ({', '.join(said)})"


def road(
    *,
    looked_at: float,
    scrape: float,
    evaluation: float,
    held: float,
    group_wait: float,
    group_interval: float,
    visible: float = EVALUATION_DELAY,
) -> Road:
    """`held` is `for` of the rule: it is over at an evaluation, so it is rounded up to a whole number of them.

    A group that was announced already is looked at every group_interval, another one after group_wait: the longer one counts.
    """
    rounds = -(-held // evaluation) if evaluation else 0.0
    return Road(
        looked_at=looked_at,
        scraped=scrape,
        visible=visible,
        evaluated=evaluation,
        held=rounds * evaluation,
        grouped=max(group_wait, group_interval),
    )
