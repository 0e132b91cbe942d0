"""The access log as a table, newest last, and whether its chain is whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opsctl.cli.views.audit import local_time
from opsctl.cli.views.blocks import Block, Column, Span, Table, line, without_empty
from opsctl.model.secrets import moment_text
from opsctl.secrets.access import Access, Flaw

_COLUMNS = (
    Column("when"),
    Column("who", least=8),
    Column("environment", least=4),
    Column("secret", least=8),
    Column("version"),
    Column("did"),
    Column("why", least=12),
)


def log_view(accesses: Sequence[Access], flaw: Flaw | None, path: str) -> Iterator[Block]:
    if accesses:
        yield without_empty(Table(_COLUMNS, tuple(map(_row, accesses))))
    else:
        yield line("no secret was shown yet")
    if flaw is None:
        yield line(Span("whole", "good"), Span(f"  {path}", "dim"))
    elif flaw.torn:
        yield line(
            Span("torn", "warn"),
            f"  {path}:{flaw.line}: {flaw.message}; the next look mends that, and says so",
        )
    else:
        yield line(
            Span("broken", "bad"),
            f"  {path}:{flaw.line}: {flaw.message}; what stands before it may be trusted",
        )


def _row(access: Access) -> tuple[Span, ...]:
    return (
        Span(local_time(access.at), "dim"),
        Span(f"{access.user}@{access.machine}"),
        Span(access.environment),
        Span(access.secret, "strong"),
        Span(access.version),
        Span(access.action),
        Span(access.reason),
    )


def log_json(accesses: Sequence[Access], flaw: Flaw | None, path: str) -> dict[str, Any]:
    return {
        "path": path,
        "whole": flaw is None,
        "flaw": None if flaw is None else {"line": flaw.line, "message": flaw.message, "torn": flaw.torn},
        "accesses": [
            {
                "at": moment_text(one.at),
                "user": one.user,
                "email": one.email or None,
                "machine": one.machine,
                "environment": one.environment,
                "secret": one.secret,
                "version": one.version or None,
                "action": one.action,
                "reason": one.reason,
            }
            for one in accesses
        ],
    }
