"""Blocks of a view, written to a sink: redacted first, then laid out, then coloured where that is wanted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from opsctl.cli.sink import Sink
from opsctl.cli.views.blocks import Block, Folded, Line, Span, Style, Table, lay_out, text_of

_SGR: Mapping[Style, str] = {
    "good": "32",
    "bad": "1;31",
    "warn": "33",
    "change": "36",
    "dim": "2",
    "strong": "1",
}


class Screen:
    """One of the two streams as a place to show blocks on.

    `width` is the terminal's, or None where there is no terminal: then nothing is cut, so that a pipe gets it all.
    """

    def __init__(self, sink: Sink, *, colour: bool) -> None:
        self.sink = sink
        self.live = sink.isatty()
        self.colour = colour and self.live
        self.width = shutil.get_terminal_size().columns if self.live else None

    def show(self, blocks: Iterable[Block]) -> int:
        """Write the blocks; returns how many lines they made."""
        clean = redacted(blocks, self.sink.clean)
        lines = [paint(one, colour=self.colour) for one in lay_out(clean, self.width)]
        self.sink.write("".join(f"{text}\n" for text in lines))
        return len(lines)

    def say(self, text: str) -> None:
        self.sink.write(text + "\n")


_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(0x7F, 0xA0)) if chr(code) != "\t"}
"""C0 and C1 but the tab: a colour, a cleared screen, a forged line."""


def paint(one: Line, *, colour: bool) -> str:
    """A line as text, with ANSI colours if wanted, without blanks at its end."""
    if not colour:
        return text_of(one).rstrip()
    return "".join(_coloured(span) for span in one).rstrip()


def _coloured(span: Span) -> str:
    return f"\x1b[{_SGR[span.style]}m{span.text}\x1b[0m" if span.style and span.text else span.text


def redacted(blocks: Iterable[Block], clean: Callable[[str], str]) -> Iterator[Block]:
    """Before anything is cut to fit a column: half a secret is not recognised any more."""
    for block in blocks:
        if isinstance(block, Table):
            yield replace(block, rows=tuple(_clean_line(row, clean) for row in block.rows))
        elif isinstance(block, Folded):
            yield replace(block, spans=_clean_line(block.spans, clean))
        else:
            yield _clean_line(block, clean)


def _clean_line(one: Line, clean: Callable[[str], str]) -> Line:
    """Also without what a terminal would obey: texts come from files and hosts that others write."""
    return tuple(replace(span, text=clean(span.text).translate(_CONTROLS)) for span in one)
