"""How many examples the properties are tried with: as many as one waits for, or many more (docs/lab.md)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

VARIABLE = "OPSCTL_TESTS"
TIMES_MORE = 20

_said = os.environ.get(VARIABLE, "")
if _said not in {"", "thorough"}:
    raise ValueError(f"{VARIABLE} is {_said!r}; the only other effort than the usual one is 'thorough'")
_FACTOR = TIMES_MORE if _said else 1


def tries(count: int) -> settings:
    """For a property that is not tried with as many examples as the others; `count` is that of the usual effort."""
    return settings(max_examples=count * _FACTOR)


def use() -> None:
    """Makes 50 examples the usual effort of every property. No time is set for one: the machine may be busy."""
    settings.register_profile(
        "opsctl", deadline=None, max_examples=50 * _FACTOR, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("opsctl")
