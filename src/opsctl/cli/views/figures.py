"""Sizes, times and shares as a person reads them."""

from __future__ import annotations

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def size(count: float | None) -> str:
    """`512 MiB`, `1.5 GiB`; a dash where it is not known."""
    if count is None:
        return "-"
    value = float(count)
    for unit in _SIZES[:-1]:
        if abs(value) < 1000:  # noqa: PLR2004 - four digits are harder to read than one decimal of the next unit
            return f"{_short(value)} {unit}"
        value /= 1024
    return f"{_short(value)} {_SIZES[-1]}"


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 10 and value != int(value) else f"{value:.0f}"  # noqa: PLR2004 - as above


def seconds(duration: float) -> str:
    """How long something took: `0.4 s`, `12 s`, `2 min 5 s`."""
    if duration < 10:  # noqa: PLR2004 - a decimal says something only for small figures
        return f"{duration:.1f} s"
    if duration < _MINUTE:
        return f"{duration:.0f} s"
    whole = round(duration)
    return f"{whole // _MINUTE} min {whole % _MINUTE} s"


def age(duration: float) -> str:
    """How long something has been so, in its two largest units: `40s`, `5m`, `3h 20m`, `12d 4h`."""
    whole = max(int(duration), 0)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "m")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def _two(first: int, unit: str, second: int, lesser: str) -> str:
    return f"{first}{unit} {second}{lesser}" if second else f"{first}{unit}"


def bar(share: float, width: int = 10) -> str:
    """A bar of a share of 1; what is above 1 fills it. Anything above 0 shows."""
    full = min(round(share * width), width)
    if share > 0:
        full = max(full, 1)
    return "█" * full + "░" * (width - full)


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
