"""What an import would store, and what it stored: names, never values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Column, Span, Style, Table, line, without_empty
from opsctl.secrets.importing import Outcome, Row

_COLUMNS = (
    Column("secret", least=12),
    Column(""),
    Column("class"),
    Column("from", least=12),
    Column("why", least=16),
)
_STYLES: Mapping[Outcome, Style] = {
    "new": "good",
    "replaced": "change",
    "same": "dim",
    "empty": "dim",
    "refused": "bad",
}
_IN_WORDS: Mapping[Outcome, str] = {
    "new": "new",
    "replaced": "replaced",
    "same": "there already",
    "empty": "without a value",
    "refused": "refused",
}


def rows_view(rows: Sequence[Row], file: str) -> Iterator[Block]:
    counts = Counter(row.outcome for row in rows)
    told = ", ".join(f"{counts[one]} {words}" for one, words in _IN_WORDS.items() if counts[one])
    yield line(Span(file, "strong"), f": {told or 'the file holds nothing to import'}")
    if rows:
        yield BLANK
        yield without_empty(Table(_COLUMNS, tuple(map(_row, rows))))
        yield BLANK


def _row(row: Row) -> tuple[Span, ...]:
    return (
        Span(row.name, "strong"),
        Span(_IN_WORDS[row.outcome], _STYLES[row.outcome]),
        Span(row.class_ if row.outcome in {"new", "replaced"} else ""),
        Span(f"{row.label}, line {row.line}"),
        Span(row.why if row.outcome == "refused" else ""),
    )


def stored_view(count: int, file: str, environment: str, source: str, *, plain: bool) -> Iterator[Block]:
    yield line(Span(f"{count} stored", "good"), f" in {file}")
    yield line(Span("next", "change"), f"  commit {file}; opsctl deploy {environment} hands them out")
    if plain:
        yield line(
            Span("note", "dim"), f"  {source} still holds them in clear: delete it when all is deployed,"
        )
        yield line("and rotate what was ever committed in clear", indent=6)


def import_json(rows: Sequence[Row], *, stored: bool) -> dict[str, Any]:
    return {
        "stored": stored,
        "values": [
            {
                "name": row.name,
                "outcome": row.outcome,
                "class": row.class_,
                "from": row.label,
                "line": row.line,
                "why": row.why or None,
            }
            for row in rows
        ],
    }
