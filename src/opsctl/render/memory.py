"""The memory policy of a host: whether what its services may take together fits into its RAM."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from opsctl.state.desired import DesiredService

Verdict = Literal["ok", "warn", "refuse"]
_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One service, or what it starts beside itself, in bytes; None where nothing was said."""

    service: str
    limit: int | None
    reservation: int | None
    peak: int | None


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    """The table of a host and what follows from it; `str()` shows both. Sizes are bytes, `total` 0 if not known."""

    host: str
    rows: tuple[MemoryRow, ...]
    total: int
    reserve: int
    overcommit: float
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def limits(self) -> int:
        return sum(row.limit or 0 for row in self.rows)

    @property
    def reservations(self) -> int:
        return sum(row.reservation or 0 for row in self.rows)

    @property
    def unlimited(self) -> tuple[str, ...]:
        """Services that may take all there is."""
        return tuple(row.service for row in self.rows if row.limit is None)

    def lines(self) -> Iterator[str]:
        table: list[tuple[str, ...]] = [("service", "limit", "reservation", "peak")]
        table += [(row.service, *map(_shown, (row.limit, row.reservation, row.peak))) for row in self.rows]
        peaks = sum(row.peak or 0 for row in self.rows)
        table.append(("sum", *map(_shown, (self.limits, self.reservations, peaks or None))))
        widths = [max(len(line[column]) for line in table) for column in range(4)]
        total = _shown(self.total) if self.total else "not known"
        yield f"memory of {self.host}: {total}, {_shown(self.reserve)} kept free, overcommit {self.overcommit:g}"
        for name, *sizes in table:
            cells = "  ".join(size.rjust(width) for size, width in zip(sizes, widths[1:], strict=True))
            yield f"  {name:<{widths[0]}}  {cells}"
        for reason in self.reasons:
            yield f"  {self.verdict}: {reason}"

    def __str__(self) -> str:
        return "\n".join(self.lines())


def budget(
    host_name: str,
    services: Iterable[DesiredService],
    memory_total: int | None,
    reserve: int,
    overcommit: float,
    *,
    more: Iterable[MemoryRow] = (),
) -> MemoryBudget:
    """The verdict on a host. Services started on demand and jobs count too: all may run at once; `more` are containers that
    services start by themselves.

    refuse: the limits exceed (RAM - reserve) x overcommit, or the reservations with the reserve exceed RAM, whatever the
    overcommit. warn: the limits exceed RAM - reserve, a service has no limit, or the host's RAM is not known. Sizes are bytes.
    """
    own = (MemoryRow(one.name, one.memory_limit, one.memory_reservation, one.memory_peak) for one in services)
    rows = tuple(sorted((*own, *more), key=lambda row: row.service))
    total = memory_total or 0
    draft = MemoryBudget(host_name, rows, total, reserve, overcommit, "ok", ())
    refusals, warnings = tuple(_refusals(draft)), tuple(_warnings(draft))
    verdict: Verdict = "refuse" if refusals else "warn" if warnings else "ok"
    return MemoryBudget(host_name, rows, total, reserve, overcommit, verdict, refusals or warnings)


def _refusals(plain: MemoryBudget) -> Iterator[str]:
    if not plain.total:
        return
    allowed = int((plain.total - plain.reserve) * plain.overcommit)
    if plain.limits > allowed:
        yield (
            f"the limits add up to {_shown(plain.limits)}, {_shown(plain.limits - allowed)} more than the "
            f"{_shown(allowed)} that this host may promise"
        )
    if plain.reservations + plain.reserve > plain.total:
        yield (
            f"reservations of {_shown(plain.reservations)} and the {_shown(plain.reserve)} kept free exceed "
            f"the {_shown(plain.total)} of RAM"
        )


def _warnings(plain: MemoryBudget) -> Iterator[str]:
    if not plain.total:
        yield "how much RAM the host has is not known, so nothing was compared"
    elif plain.limits > plain.total - plain.reserve:
        yield (
            f"the limits add up to {_shown(plain.limits)}, more than the {_shown(plain.total - plain.reserve)} "
            f"that are there; overcommit {plain.overcommit:g} allows it"
        )
    if plain.unlimited:
        yield f"without a limit: {', '.join(plain.unlimited)}"


def _shown(size: int | None) -> str:
    """Whole MiB, for columns that can be compared."""
    return "-" if size is None else f"{-(-size // _MIB)} MiB"
