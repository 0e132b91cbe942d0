"""The audit as a table, newest last, as in a log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from opsctl.cli.views.blocks import Block, Column, Span, Style, Table, line
from opsctl.cli.views.figures import seconds
from opsctl.flows.audit import AuditEntry, AuditReport

_COLUMNS = (
    Column("when"),
    Column("host"),
    Column("who", least=8),
    Column("outcome"),
    Column("took", align="right"),
    Column("what", least=20),
)
_STYLES: dict[str, Style] = {"ok": "good", "failed": "bad", "interrupted": "warn", "running": "change"}


def audit_view(report: AuditReport) -> Iterator[Block]:
    if not report.entries:
        if not report.errors:
            yield line("nothing was changed yet")
        return
    yield audit_table(report.entries)


def audit_table(entries: tuple[AuditEntry, ...], indent: int = 0) -> Table:
    return Table(_COLUMNS, tuple(map(_row, entries)), indent)


def _row(entry: AuditEntry) -> tuple[Span, ...]:
    what = f"{entry.what} ({entry.detail})" if entry.detail else entry.what
    return (
        Span(local_time(entry.at), "dim"),
        Span(entry.host),
        Span(f"{entry.user}@{entry.machine}"),
        Span(entry.outcome, _STYLES.get(entry.outcome, "")),
        Span("-" if entry.seconds is None else seconds(entry.seconds)),
        Span(what),
    )


def local_time(at: float) -> str:
    """On the clock of who reads it."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def audit_json(report: AuditReport) -> dict[str, Any]:
    return {"entries": [entry_json(entry) for entry in report.entries]}


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    return {
        "host": entry.host,
        "at": entry.at,
        "run": entry.run,
        "user": entry.user,
        "machine": entry.machine,
        "command": entry.command,
        "what": entry.what,
        "plan": entry.plan or None,
        "outcome": entry.outcome,
        "seconds": entry.seconds,
        "detail": entry.detail or None,
    }
