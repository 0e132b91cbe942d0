"""The small values of the operator's files: sizes, durations, names."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=63)]
Scalar = str | int | float | bool

_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$", re.IGNORECASE)
# docker/go-units RAMInBytes: k, m, g, t with or without b or ib are all powers of 1024.
_UNITS = {"": 1, "b": 1} | {
    letter + tail: 1024**power for power, letter in enumerate("kmgt", start=1) for tail in ("", "b", "ib")
}
_DURATION = re.compile(r"^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$")


def parse_size(value: Any) -> Any:
    """Bytes from `512M`, `512MiB`, `1.5g`, `1024`. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("a size is a number of bytes or text such as 512MiB or 2g")
    if isinstance(value, int):
        if value < 0:
            raise ValueError("a size is not negative")
        return value
    match = _SIZE.match(value)
    if not match or match[2].lower() not in _UNITS:
        raise ValueError(f"{value!r} is not a size such as 512MiB, 512M or 2g")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def parse_duration(value: Any) -> Any:
    """Seconds from `30s`, `1m30s`, `500ms`, `2h` or a number of seconds. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    match = _DURATION.match(value) if isinstance(value, str) and value else None
    if not match:
        raise ValueError(f"{value!r} is not a duration such as 30s, 1m30s or 2h")
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Size = Annotated[int, BeforeValidator(parse_size)]
Duration = Annotated[float, BeforeValidator(parse_duration)]
HostKeys = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
