"""Edits of a text by offset: made at once, and blind to everything between them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from opsctl.merging.keys import Unmergeable

_BREAK = re.compile(r"\r\n|\n|\r")
_BYTE_ORDER_MARK = "\ufeff"


class Edits:
    """Edits of one text; offsets are always those of the old text. Edits at one place come in the order of the calls."""

    def __init__(self, text: str) -> None:
        self._text = text
        first = _BREAK.search(text)
        self.newline = first[0] if first else "\n"
        self._edits: list[tuple[int, int, str, bool]] = []

    def replace(self, start: int, end: int, new: str) -> None:
        if new or start < end:
            self._edits.append((start, end, new, False))

    def insert_lines(self, at: int, lines: Iterable[str]) -> None:
        """Whole lines before the line that begins at an offset, or at the end of the text."""
        self._lines(at, at, lines)

    def replace_lines(self, start: int, end: int, lines: Iterable[str]) -> None:
        """Whole lines in place of those from the one that holds the first offset to the one that holds the last."""
        self._lines(self.line_start(start), self.line_end(end), lines)

    def _lines(self, start: int, end: int, lines: Iterable[str]) -> None:
        new = "".join(line + self.newline for line in lines)
        if new or start < end:
            self._edits.append((start, end, new, bool(new)))

    def line_start(self, at: int) -> int:
        return max(self._text.rfind("\n", 0, at), self._text.rfind("\r", 0, at)) + 1

    def line_end(self, at: int) -> int:
        """Behind the break of the line that an offset is in."""
        found = _BREAK.search(self._text, at)
        return found.end() if found else len(self._text)

    def is_first_of_its_line(self, at: int) -> bool:
        return not self._text[self.line_start(at) : at].strip(f"{_BYTE_ORDER_MARK} \t")

    def text(self) -> str:
        """The new text. Raises Unmergeable where two edits overlap."""
        out: list[str] = []
        at = 0
        for start, end, new, is_lines in sorted(self._edits, key=lambda edit: edit[:2]):
            if start < at:
                raise Unmergeable("two of its values cannot be changed apart", "change one of them by hand")
            out.append(self._text[at:start])
            last = next((piece for piece in reversed(out) if piece), "").strip(_BYTE_ORDER_MARK)
            if is_lines and last and last[-1] not in "\r\n":
                out.append(self.newline)
            out.append(new)
            at = end
        return "".join([*out, self._text[at:]])
