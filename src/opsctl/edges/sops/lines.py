"""The layout that opsctl and sops write themselves, read line by line.

A store is read at every deploy, and ruamel (0.19, pure Python) takes 0.1 ms for each line of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from opsctl.edges.sops import nodes
from opsctl.edges.sops.nodes import Branch, Entry, Items, Node, Scalar
from opsctl.edges.sops.scalars import plain
from opsctl.model.values import Unfit

_CHARACTERS = re.compile(r"[\n -~]*\n")
_COMMENT = re.compile(r" *(?:#.*)?")
# An entry with a scalar that needs no more than its line: text in quotes that holds neither quotes nor a backslash, or plain
# words. `# ` begins a comment and `: ` a mapping; neither is looked at closely, so no word holds a `#` or ends with a colon.
_ENTRY = re.compile(
    r"(?P<indent> *)(?P<dash>- )?(?P<key>[A-Za-z_][A-Za-z0-9_.-]{0,99}):"
    r"(?: (?:(?P<block>\|)|(?P<quote>[\"'])(?P<quoted>[^\"'\\]*)(?P=quote)|(?P<plain>[A-Za-z0-9/^_](?: ?(?:[!-\"$-9;-~]|:(?=[!-~])))*)))?"
)
_INDENTED = re.compile(r"( *)[!-~].*")
_DEEPEST = 20


@lru_cache(maxsize=2)
def read(text: str, where: str) -> Branch:
    """As `nodes.read`, which reads what has another layout. The last texts are remembered: nobody may change what it gives."""
    return quickly(text) or nodes.read(text, where)


def quickly(text: str) -> Branch | None:
    """What `nodes.read` gives, or None for a text that is not in the layout known here, be it right or wrong."""
    if not _CHARACTERS.fullmatch(text):
        return None
    try:
        return _Lines(text).root()
    except (_OtherLayout, Unfit):
        return None


class _OtherLayout(Exception):
    """It is for another reader to say what the text means."""


class _Line(NamedTuple):
    """A line with an entry; `at` is the column of its dash, else of its key, which stands in `column`."""

    found: re.Match[str]
    number: int
    start: int
    at: int
    column: int


class _Lines:
    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.split("\n")[:-1]
        self._starts = list(accumulate((len(line) + 1 for line in self._lines), initial=0))
        self._next = 0
        self._line = self._read()

    def root(self) -> Branch:
        root = self._branch(0, 0)
        if self._line or root.start != self._starts[root.line - 1]:
            raise _OtherLayout
        return root

    def _read(self) -> _Line | None:
        """The next line with an entry, None at the end."""
        while self._next < len(self._lines) and _COMMENT.fullmatch(self._lines[self._next]):
            self._next += 1
        if self._next == len(self._lines):
            return None
        found = _ENTRY.fullmatch(self._lines[self._next])
        if not found:
            raise _OtherLayout
        self._next += 1
        return _Line(found, self._next, self._starts[self._next - 1], found.end("indent"), found.start("key"))

    def _branch(self, least: int, depth: int) -> Branch:
        """The entries at the column of the next, which may stand behind a dash."""
        first = line = self._line
        if not first or first.column < least:
            raise _OtherLayout
        column = first.column
        entries: dict[str, Entry] = {}
        while line and line.column == column and (line is first or not line.found["dash"]):
            key = line.found["key"]
            if key in entries or not isinstance(plain(key), str) or depth > _DEEPEST:
                raise _OtherLayout
            start = line.start + column
            entries[key] = Entry(start, line.number, column, self._value(line, depth))
            line = self._line
        if line and line.at >= column:
            raise _OtherLayout
        nodes_below = [entry.node for entry in entries.values()]
        return Branch(entries, first.start + column, nodes_below[-1].end, first.number, flow=False)

    def _value(self, line: _Line, depth: int) -> Node:
        found = line.found
        if found["block"]:
            return self._block(line)
        self._line = after = self._read()
        if found["plain"] is not None:
            start, end = found.span("plain")
            return Scalar(plain(found["plain"]), line.start + start, line.start + end, line.number)
        if found["quoted"] is not None:
            start, end = found.span("quoted")
            return Scalar(found["quoted"], line.start + start - 1, line.start + end + 1, line.number)
        if after and after.found["dash"]:
            return self._items(after, line.column, depth + 1)
        return self._branch(line.column + 1, depth + 1)

    def _items(self, first: _Line, least: int, depth: int) -> Items:
        if first.at < least:
            raise _OtherLayout
        items: list[Node] = []
        while self._line and self._line.found["dash"] and self._line.at == first.at:
            items.append(self._branch(first.column, depth + 1))
        return Items(tuple(items), first.start + first.at, items[-1].end, first.number, flow=False)

    def _block(self, line: _Line) -> Scalar:
        """A literal text whose lines all begin at one column."""
        start, begun, indent = line.start + line.found.start("block"), self._next, 0
        while self._next < len(self._lines):
            found = _INDENTED.fullmatch(self._lines[self._next])
            if not found or line.column < found.end(1) != indent > 0:
                raise _OtherLayout
            if found.end(1) <= line.column:
                break
            indent = found.end(1)
            self._next += 1
        taken = self._lines[begun : self._next]
        if not taken:
            raise _OtherLayout
        value = "".join(f"{one[indent:]}\n" for one in taken)
        end = start + len(self._text[start : self._starts[self._next]].rstrip())
        self._line = self._read()
        return Scalar(value, start, end, line.number)
