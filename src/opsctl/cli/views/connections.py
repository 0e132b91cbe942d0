"""The connections of each PostgreSQL server as a table: who may hold how many, against what it lets in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opsctl.apps.postgresql.budget import ConnectionBudget, Pool
from opsctl.cli.views.blocks import BLANK, Block, Column, Span, Table, line
from opsctl.cli.views.figures import bar, percent

_COLUMNS = (
    Column("service", least=12),
    Column("database", least=8),
    Column("pool", align="right"),
    Column("processes", align="right"),
    Column("connections", align="right"),
    Column("share of usable"),
    Column("", align="right"),
)


def connections_view(budgets: Sequence[ConnectionBudget]) -> Iterator[Block]:
    if not budgets:
        yield line("no service has app: postgresql")
    for at, budget in enumerate(budgets):
        if at:
            yield BLANK
        settings = budget.settings
        kept = settings.max_connections - settings.usable
        yield line(
            Span(f"{budget.service}@{budget.host}", "strong"),
            f"  {settings.usable} usable: {settings.max_connections} without {kept} kept for superusers  ",
            Span("ok", "good") if budget.fits else Span("refuse", "bad"),
        )
        yield Table(_COLUMNS, (*(_row(budget, pool) for pool in budget.pools), _sum(budget)), indent=2)
        for name in budget.silent:
            yield line(Span("note", "warn"), f"  {name}: nobody states a pool", indent=2)


def _row(budget: ConnectionBudget, pool: Pool) -> tuple[Span, ...]:
    elsewhere = f"@{pool.view.host.name}" if pool.view.host.name != budget.host else ""
    return (
        Span(f"{pool.service}{elsewhere}"),
        Span(pool.connection.database),
        Span(str(pool.connection.pool)),
        Span(str(pool.connection.processes)),
        Span(str(pool.total)),
        *_share(budget, pool.total),
    )


def _sum(budget: ConnectionBudget) -> tuple[Span, ...]:
    empty = Span("")
    total = Span(str(budget.total), "" if budget.fits else "bad")
    return (Span("sum", "strong"), empty, empty, empty, total, *_share(budget, budget.total))


def _share(budget: ConnectionBudget, total: int) -> tuple[Span, Span]:
    share = total / budget.settings.usable
    return Span(bar(share, 12), "" if share <= 1 else "bad"), Span(percent(share))


def connections_json(budgets: Sequence[ConnectionBudget]) -> dict[str, Any]:
    return {
        "servers": [
            {
                "service": one.service,
                "host": one.host,
                "max_connections": one.settings.max_connections,
                "usable": one.settings.usable,
                "total": one.total,
                "fits": one.fits,
                "silent": list(one.silent),
                "pools": [
                    {
                        "service": pool.service,
                        "host": pool.view.host.name,
                        "database": pool.connection.database,
                        "pool": pool.connection.pool,
                        "processes": pool.connection.processes,
                        "connections": pool.total,
                    }
                    for pool in one.pools
                ],
            }
            for one in budgets
        ]
    }
