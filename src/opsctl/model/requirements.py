"""What opsctl needs of a host's programs."""

from __future__ import annotations

OLDEST_COMPOSE = "2.24"
OLDEST_ENGINE_API = "1.41"
"""That of Docker 20.10: `one-shot` of stats, and the fields that opsctl reads."""


def at_least(version: str, oldest: str) -> bool | None:
    """Whether a version such as `v2.24.0-desktop.1` is not older; None for what is no version."""
    found = _numbers(version)
    return found >= _numbers(oldest) if found else None


def _numbers(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.removeprefix("v").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)
