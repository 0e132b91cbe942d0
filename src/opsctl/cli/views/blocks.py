"""What views are made of: styled text, lines of it, and tables that fit a width."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Style = Literal["", "good", "bad", "warn", "change", "dim", "strong"]

GAP = 2
"""Blanks between two columns."""


@dataclass(frozen=True, slots=True)
class Span:
    """Text that is read in one style; what it says never depends on the style alone."""

    text: str
    style: Style = ""


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """Where the table is too wide, a column may be narrowed down to `least` characters (0: never); where that is not enough,
    optional columns are left out, the last one first. What does not fit a narrowed column is cut at the end, cut at the
    start, or goes on in the next line.
    """

    title: str = ""
    align: Literal["left", "right"] = "left"
    least: int = 0
    optional: bool = False
    over: Literal["end", "start", "fold"] = "end"


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[tuple[Span, ...], ...]
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Folded:
    """Prose: where it is too wide it goes on in the next line, `hang` characters further in."""

    spans: Line
    hang: int = 0


Block = Line | Table | Folded


def line(*parts: str | Span, indent: int = 0) -> Line:
    spans = tuple(part if isinstance(part, Span) else Span(part) for part in parts)
    return (Span(" " * indent), *spans) if indent else spans


def folded(*parts: str | Span, hang: int = 0) -> Folded:
    return Folded(line(*parts), hang)


BLANK: Line = ()


def text_of(one: Line) -> str:
    return "".join(span.text for span in one)


def lay_out(blocks: Iterable[Block], width: int | None) -> Iterator[Line]:
    """The lines of the blocks; tables fit the width where their columns can give way. None: as wide as it gets."""
    for block in blocks:
        if isinstance(block, Table):
            yield from _table(block, width)
        elif isinstance(block, Folded):
            yield from _fold(block, width)
        else:
            yield block


def without_empty(table: Table) -> Table:
    """The table without the columns that say nothing in any row."""
    kept = [at for at in range(len(table.columns)) if any(row[at].text for row in table.rows)]
    rows = tuple(tuple(row[at] for at in kept) for row in table.rows)
    return Table(tuple(table.columns[at] for at in kept), rows, table.indent)


def _table(table: Table, width: int | None) -> Iterator[Line]:
    titles = tuple(Span(column.title, "dim") for column in table.columns)
    rows = [titles, *table.rows] if any(title.text for title in titles) else list(table.rows)
    shown, widths = _fit(table, rows, width)
    for row in rows:
        cells = [_cell(table.columns[at], row[at], widths[at]) for at in shown]
        for number in range(max(map(len, cells), default=0)):
            one = [cell[number] if number < len(cell) else Span("") for cell in cells]
            yield _row(
                [(table.columns[at], span, widths[at]) for at, span in zip(shown, one, strict=True)],
                table.indent,
            )


def _fit(table: Table, rows: Sequence[Sequence[Span]], width: int | None) -> tuple[list[int], list[int]]:
    """Which columns are shown, and the widths of all."""
    widths = [max((len(row[at].text) for row in rows), default=0) for at in range(len(table.columns))]
    shown = list(range(len(widths)))
    if width is None:
        return shown, widths
    while (
        _needed(
            table, shown, [column.least or wide for column, wide in zip(table.columns, widths, strict=True)]
        )
        > width
    ):
        optional = [at for at in shown if table.columns[at].optional]
        if not optional:
            break
        shown.remove(optional[-1])
    while _needed(table, shown, widths) > width:
        giving = [at for at in shown if table.columns[at].least and widths[at] > table.columns[at].least]
        if not giving:
            break
        widths[max(giving, key=lambda at: widths[at])] -= 1
    return shown, widths


def _needed(table: Table, shown: Sequence[int], widths: Sequence[int]) -> int:
    return table.indent + GAP * (len(shown) - 1) + sum(widths[at] for at in shown)


def _cell(column: Column, cell: Span, width: int) -> list[Span]:
    """What the cell has in each of its lines."""
    if len(cell.text) <= width:
        return [cell]
    if column.over == "fold":
        lines = textwrap.wrap(cell.text, width, break_long_words=False, break_on_hyphens=False)
        pieces = [text[at : at + width] for text in lines for at in range(0, len(text), width)]
        return [Span(text, cell.style) for text in pieces]
    cut = shorten_start if column.over == "start" else shorten
    return [Span(cut(cell.text, width), cell.style)]


def _fold(block: Folded, width: int | None) -> Iterator[Line]:
    if width is None or len(text_of(block.spans)) <= width:
        yield block.spans
        return
    room = max(width, block.hang + 20)
    now: list[Span] = []
    used = 0
    for span in block.spans:
        for word in re.findall(r"\s+|\S+", span.text):
            if used + len(word) > room and used > block.hang and not word.isspace():
                yield tuple(now)
                now, used = [Span(" " * block.hang)], block.hang
            now.append(Span(word, span.style))
            used += len(word)
    yield tuple(now)


def _row(cells: Iterable[tuple[Column, Span, int]], indent: int) -> Line:
    spans: list[Span] = []
    pending = " " * indent
    for column, cell, wide in cells:
        text = cell.text
        blank = " " * (wide - len(text))
        before, after = (blank, "") if column.align == "right" else ("", blank)
        pending += before
        if text:
            spans += [Span(pending), Span(text, cell.style)] if pending else [Span(text, cell.style)]
            pending = ""
        pending += after + " " * GAP
    return tuple(spans)


def shorten(text: str, width: int) -> str:
    """At most `width` characters; an ellipsis stands for what is left out at the end."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def shorten_start(text: str, width: int) -> str:
    """At most `width` characters; an ellipsis stands for what is left out at the start."""
    return text if len(text) <= width else "…" + text[len(text) - max(width - 1, 0) :]
