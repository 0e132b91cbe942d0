from __future__ import annotations

import pytest

from opsctl.render.memory import budget
from opsctl.state.desired import DesiredService

GIB = 1024**3


def service(
    name: str, limit: float | None, reservation: float | None = None, peak: float | None = None
) -> DesiredService:
    sizes = [None if size is None else int(size * GIB) for size in (limit, reservation, peak)]
    return DesiredService(
        name=name,
        stack="s",
        source="",
        image="i",
        definition={},
        on_demand=name == "rare",
        memory_limit=sizes[0],
        memory_reservation=sizes[1],
        memory_peak=sizes[2],
    )


@pytest.mark.parametrize(
    "limits, reservations, overcommit, verdict, reason",
    [
        ((3, 3), (1, 1), 1.0, "ok", ""),
        ((3, 4), (1, 1), 1.0, "ok", ""),
        ((4, 4), (1, 1), 1.0, "refuse", "1024 MiB more than the 7168 MiB that this host may promise"),
        ((4, 4), (1, 1), 1.6, "warn", "the limits add up to 8192 MiB, more than the 7168 MiB that are there"),
        ((6, 6), (1, 1), 1.6, "refuse", "the limits add up to 12288 MiB"),
        ((4, 4), (4, 3), 2.0, "warn", "overcommit 2 allows it"),
        (
            (4, 4),
            (4, 3.5),
            2.0,
            "refuse",
            "reservations of 7680 MiB and the 1024 MiB kept free exceed the 8192 MiB of RAM",
        ),
        ((4, None), (1, 1), 1.0, "warn", "without a limit: rare"),
    ],
)
def test_the_verdict_and_its_reason(
    limits: tuple[float, float | None],
    reservations: tuple[float, float],
    overcommit: float,
    verdict: str,
    reason: str,
) -> None:
    services = [service(*row) for row in zip(("db", "rare"), limits, reservations, strict=True)]

    found = budget("web", services, 8 * GIB, GIB, overcommit)

    assert found.verdict == verdict
    assert reason in " ".join(found.reasons)


def test_without_knowing_the_ram_nothing_is_refused_and_it_is_said() -> None:
    found = budget("web", [service("db", 100)], None, 0, 1.0)

    assert (found.verdict, found.reasons) == (
        "warn",
        ("how much RAM the host has is not known, so nothing was compared",),
    )


def test_the_table_shows_every_service_and_the_sums() -> None:
    found = budget("web", [service("web", 0.25), service("database", 2, 1, 1.5)], 2 * GIB, GIB // 2, 1.6)

    assert str(found).splitlines() == [
        "memory of web: 2048 MiB, 512 MiB kept free, overcommit 1.6",
        "  service      limit  reservation      peak",
        "  database  2048 MiB     1024 MiB  1536 MiB",
        "  web        256 MiB            -         -",
        "  sum       2304 MiB     1024 MiB  1536 MiB",
        "  warn: the limits add up to 2304 MiB, more than the 1536 MiB that are there; overcommit 1.6 allows it",
    ]
