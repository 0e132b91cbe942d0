"""Sizes, times and shares."""

from __future__ import annotations

import pytest

from opsctl.cli.views.figures import age, bar, count, percent, seconds, size

_GIB = 1024**3


@pytest.mark.parametrize(
    "given, shown",
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (512 * 1024**2, "512 MiB"),
        (1023 * 1024**2, "1.0 GiB"),
        (_GIB * 3 // 2, "1.5 GiB"),
        (31 * _GIB, "31 GiB"),
        (2 * 1024 * _GIB, "2 TiB"),
    ],
)
def test_sizes_have_at_most_three_digits(given: int | None, shown: str) -> None:
    assert size(given) == shown


@pytest.mark.parametrize(
    "given, shown", [(0.04, "0.0 s"), (0.42, "0.4 s"), (12.4, "12 s"), (59.6, "60 s"), (125, "2 min 5 s")]
)
def test_durations(given: float, shown: str) -> None:
    assert seconds(given) == shown


@pytest.mark.parametrize(
    "given, shown",
    [(-3, "0s"), (40, "40s"), (300, "5m"), (3600, "1h"), (12_000, "3h 20m"), (4 * 86_400 + 7200, "4d 2h")],
)
def test_ages_have_two_units(given: float, shown: str) -> None:
    assert age(given) == shown


def test_bars_show_every_share_above_nothing_and_end_at_full() -> None:
    assert [bar(share, 4) for share in (0, 0.01, 0.5, 1, 1.7)] == ["░░░░", "█░░░", "██░░", "████", "████"]


def test_words() -> None:
    assert (percent(0.256), count(1, "host"), count(2, "host")) == ("26 %", "1 host", "2 hosts")
