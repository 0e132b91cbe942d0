"""cAdvisor's metric of a container's health in the expressions of alerts: how it is asked for wrongly."""

from __future__ import annotations

import re

METRIC = "container_health_state"
# Names that people expect of cAdvisor. It has none of them (v0.60.5 lib/metrics/prometheus.go).
_INVENTED = re.compile(
    r"\bcontainer_(?:health_status|healthcheck_status|health|healthy|restart_count|restarts_total)\b"
)
_BELOW = re.compile(
    rf"{METRIC}(?:\{{[^}}]*\}})?\s*(?:(?:bool\s+)?)(<\s*(?:bool\s+)?1|!=\s*(?:bool\s+)?1|<=\s*(?:bool\s+)?0)\b"
)
_FILTER = re.compile(rf"{METRIC}(?:\{{[^}}]*\}})?\s*==\s*0\b")
_ABSENT = re.compile(rf"\babsent(?:_over_time)?\s*\(\s*{METRIC}\b")
_STARTS = re.compile(r"\bchanges\w*\s*\(\s*container_start_time_seconds\b")


def invented(expression: str) -> str:
    """The first name that no cAdvisor has; "" where there is none."""
    found = _INVENTED.search(expression)
    return found[0] if found else ""


def below_healthy(expression: str) -> str:
    """A comparison that takes -1, which means no healthcheck, for unhealthy; "" where there is none."""
    found = _BELOW.search(expression)
    return found[1] if found else ""


def is_filter(expression: str) -> bool:
    """Whether `== 0` is a filter, which has no series at all while everything is well."""
    return bool(_FILTER.search(expression))


def asks_absence(expression: str) -> bool:
    return bool(_ABSENT.search(expression))


def asks_restarts(expression: str) -> bool:
    """Whether it counts changes of the start time."""
    return bool(_STARTS.search(expression))
