"""The memory policy of a host as a table: what each service may take, against what there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Column, Span, Style, Table, line, without_empty
from opsctl.cli.views.figures import bar, percent, size
from opsctl.render.memory import MemoryBudget, MemoryRow, Verdict

_STYLES: dict[Verdict, Style] = {"ok": "good", "warn": "warn", "refuse": "bad"}
_COLUMNS = (
    Column("service", least=12),
    Column("limit", align="right"),
    Column("share of RAM"),
    Column("", align="right"),
    Column("reservation", align="right"),
    Column("peak", align="right"),
)


def memory_view(budgets: Iterable[MemoryBudget]) -> Iterator[Block]:
    for at, budget in enumerate(budgets):
        if at:
            yield BLANK
        total = size(budget.total) if budget.total else "RAM not known"
        kept = f", {size(budget.reserve)} kept free, overcommit {budget.overcommit:g}"
        yield line(
            Span(budget.host, "strong"), f"  {total}{kept}  ", Span(budget.verdict, _STYLES[budget.verdict])
        )
        rows = [_row(budget, row) for row in budget.rows]
        yield without_empty(Table(_COLUMNS, (*rows, _sum(budget)), indent=2))
        yield from (
            line(Span(budget.verdict, _STYLES[budget.verdict]), f"  {reason}", indent=2)
            for reason in budget.reasons
        )
        if not budget.total:
            yield line(
                Span(f'hint: write memory = "8GiB" (or what it has) in [hosts.{budget.host}]', "change"),
                indent=2,
            )


def _row(budget: MemoryBudget, row: MemoryRow) -> tuple[Span, ...]:
    limit = Span("no limit", "warn") if row.limit is None else Span(size(row.limit))
    tight = row.peak is not None and row.limit is not None and row.peak > row.limit
    return (
        Span(row.service),
        limit,
        *_share(budget, row.limit),
        Span(size(row.reservation) if row.reservation is not None else ""),
        Span(size(row.peak) if row.peak is not None else "", "bad" if tight else ""),
    )


def _sum(budget: MemoryBudget) -> tuple[Span, ...]:
    peaks = sum(row.peak or 0 for row in budget.rows)
    return (
        Span("sum", "strong"),
        Span(size(budget.limits), "strong"),
        *_share(budget, budget.limits, _STYLES[budget.verdict]),
        Span(size(budget.reservations) if budget.reservations else ""),
        Span(size(peaks) if peaks else ""),
    )


def _share(budget: MemoryBudget, limit: int | None, style: Style = "") -> tuple[Span, Span]:
    if not budget.total or limit is None:
        return Span(""), Span("")
    share = limit / budget.total
    return Span(bar(share, 12), style), Span(percent(share))


def memory_json(budgets: Iterable[MemoryBudget]) -> dict[str, Any]:
    return {
        "hosts": [
            {
                "host": one.host,
                "total": one.total or None,
                "reserve": one.reserve,
                "overcommit": one.overcommit,
                "limits": one.limits,
                "reservations": one.reservations,
                "verdict": one.verdict,
                "reasons": list(one.reasons),
                "services": [
                    {
                        "service": row.service,
                        "limit": row.limit,
                        "reservation": row.reservation,
                        "peak": row.peak,
                    }
                    for row in one.rows
                ],
            }
            for one in budgets
        ]
    }
