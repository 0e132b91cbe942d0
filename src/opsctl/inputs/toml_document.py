"""Reads TOML with tomllib, and finds the line of every key, table and item beside it.

tomllib gives no positions. The text is known to be valid when the lines are looked for, so the walk is lax about all
that makes no difference to where things stand.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from opsctl.errors import Problem
from opsctl.model.document import Document, Path

_TOKEN = re.compile(
    r'''
    (?P<space>[ \t\r]+|\#[^\n]*)
  | (?P<string>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|'[^'\n]*')
  | (?P<bare>[^\s\[\]{}=,.#"']+)
  | (?P<mark>[\[\]{}=,.\n])
    ''',
    re.VERBOSE | re.DOTALL,
)
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


def read_toml(file: str, data: bytes) -> Document:
    """The document with its lines; never raises for what the file holds."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return Document(file, problems=(Problem(file, line, "the file is not UTF-8 text"),))
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = _PLACE.search(str(error))
        line = int(where[1]) if where and where[1] else text.rstrip().count("\n") + 1
        message = _PLACE.sub("", str(error))
        return Document(file, problems=(Problem(file, line, f"not TOML: {message}"),))
    return Document(file, value, _Locator(text).lines())


class _Locator:
    """A walk over the tokens of a valid TOML text."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}

    def lines(self) -> dict[Path, int]:
        table: Path = ()
        while self._at < len(self._tokens):
            token, line = self._tokens[self._at]
            if token == "\n":  # noqa: S105 a token of the grammar
                self._at += 1
            elif token == "[":  # noqa: S105
                table = self._header(line)
            else:
                self._pair(table)
        return self._lines

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _header(self, line: int) -> Path:
        self._at += 1
        several = self._peek() == "["
        self._at += several
        path = self._resolve(self._key())
        if several:
            self._counts[path] = self._counts.get(path, -1) + 1
            self._lines.setdefault(path, line)
            path = (*path, self._counts[path])
        self._note(path, line)
        self._at += 1 + several
        return path

    def _resolve(self, key: Path) -> Path:
        """A key below an array of tables means its latest table."""
        path: Path = ()
        for part in key[:-1]:
            path = (*path, part)
            if path in self._counts:
                path = (*path, self._counts[path])
        return (*path, key[-1])

    def _note(self, path: Path, line: int) -> None:
        for end in range(1, len(path)):
            self._lines.setdefault(path[:end], line)
        self._lines[path] = line

    def _key(self) -> Path:
        parts = [_unquoted(self._tokens[self._at][0])]
        self._at += 1
        while self._peek() == ".":
            parts.append(_unquoted(self._tokens[self._at + 1][0]))
            self._at += 2
        return tuple(parts)

    def _pair(self, table: Path) -> None:
        line = self._tokens[self._at][1]
        path = (*table, *self._key())
        self._note(path, line)
        self._at += 1
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self._peek()
        self._at += 1
        if opening == "[":
            self._items(path)
        elif opening == "{":
            while self._peek() != "}":
                if self._peek() in {",", "\n"}:
                    self._at += 1
                else:
                    self._pair(path)
            self._at += 1
        else:
            while self._peek() not in {"\n", ",", "]", "}", ""}:
                self._at += 1

    def _items(self, path: Path) -> None:
        index = 0
        while self._peek() != "]":
            if self._peek() in {",", "\n"}:
                self._at += 1
                continue
            self._lines[*path, index] = self._tokens[self._at][1]
            self._value((*path, index))
            index += 1
        self._at += 1


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line = 1
    for match in _TOKEN.finditer(text):
        token = match[0]
        if match.lastgroup != "space":
            yield token, line
        line += token.count("\n")


def _unquoted(token: str) -> str:
    if token.startswith('"'):
        return str(tomllib.loads(f"k = {token}")["k"])
    return token.strip("'")
