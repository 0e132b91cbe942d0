"""How many examples the properties are tried with: those of `make test`, fewer for who waits, or many more (docs/lab.md)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

VARIABLE = "OPSCTL_TESTS"
FACTORS = {"quick": 0.3, "": 1, "thorough": 20}

_said = os.environ.get(VARIABLE, "")
if _said not in FACTORS:
    raise ValueError(
        f"{VARIABLE} is {_said!r}; the other efforts than the usual one are 'quick' and 'thorough'"
    )


def tries(count: int) -> settings:
    """For a property that is not tried with as many examples as the others; `count` is that of the usual effort."""
    return settings(max_examples=_examples(count))


def _examples(count: int) -> int:
    return max(1, round(count * FACTORS[_said]))


def use() -> None:
    """Makes 50 examples the usual effort of every property. No time is set for one: the machine may be busy."""
    settings.register_profile(
        "opsctl", deadline=None, max_examples=_examples(50), suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("opsctl")
