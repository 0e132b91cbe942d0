"""Reads JSON5 into values and lines. The readers of the package index give no lines, and most of JSON5 is JSON.

https://spec.json5.org, without what no configuration needs: separators U+2028 and U+2029 are ordinary signs, and names of keys
take no escapes.
"""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn

from opsctl.errors import Problem
from opsctl.model.document import Document, Path

_BLANK = re.compile(r"(?:[\s\ufeff]|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_IDENTIFIER = re.compile(r"(?:[^\W\d]|[$_])[\w$]*")
_NUMBER = re.compile(
    r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|(Infinity|NaN)|((?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?))(?![\w$])"
)
_PLAIN = {'"': re.compile(r'[^"\\\n]*'), "'": re.compile(r"[^'\\\n]*")}
_WORDS = {"true": True, "false": False, "null": None}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0", "\n": ""}
_HALVES = re.compile("[\ud800-\udfff]")
_DEEPEST = 200


def read_json5(file: str, data: bytes) -> Document:
    """The document with its lines; never raises for what the file holds. Of a key that is given twice the last counts."""
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        problem = Problem(file, data[: error.start].count(b"\n") + 1, "the file is not UTF-8 text")
        return Document(file, problems=(problem,))
    reader = _Reader(file, text)
    try:
        value = reader.whole()
    except _NotJson5 as error:
        return Document(file, problems=(Problem(file, reader.line, f"not JSON5: {error}"),))
    return Document(file, value, reader.lines, problems=tuple(reader.problems))


class _NotJson5(Exception):
    pass


class _Reader:
    """`at` is the sign that is read next."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []

    @property
    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def whole(self) -> Any:
        value = self._value(())
        if self._next():
            self._fail(f"{self._next()!r} after the end")
        return value

    def _next(self) -> str:
        """The next sign that is neither blank nor comment, "" at the end."""
        if found := _BLANK.match(self.text, self.at):
            self.at = found.end()
        return self.text[self.at : self.at + 1]

    def _fail(self, message: str) -> NoReturn:
        raise _NotJson5(message)

    def _value(self, path: Path) -> Any:
        if len(path) > _DEEPEST:
            self._fail("too deep")
        sign = self._next()
        if sign == "{":
            return self._mapping(path)
        if sign == "[":
            return self._items(path)
        if sign in _PLAIN:
            return self._string(sign)
        if found := _NUMBER.match(self.text, self.at):
            self.at = found.end()
            return _number(*found.groups())
        found = _IDENTIFIER.match(self.text, self.at)
        if found and found[0] in _WORDS:
            self.at = found.end()
            return _WORDS[found[0]]
        return self._fail(f"{found[0] if found else sign!r} is no value" if sign else "it ends too early")

    def _mapping(self, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        self.at += 1
        while self._next() != "}":
            line = self.line
            key = self._key()
            if key in result:
                first = f"the first is in line {self.lines[*path, key]}"
                self.problems.append(Problem(self.file, line, f"{key!r} is given twice", first))
            if self._next() != ":":
                self._fail(f"no colon after {key!r}")
            self.at += 1
            self.lines[*path, key] = line
            result[key] = self._value((*path, key))
            self._end_of_one("}")
        self.at += 1
        return result

    def _items(self, path: Path) -> list[Any]:
        items: list[Any] = []
        self.at += 1
        while self._next() != "]":
            self.lines[*path, len(items)] = self.line
            items.append(self._value((*path, len(items))))
            self._end_of_one("]")
        self.at += 1
        return items

    def _end_of_one(self, end: str) -> None:
        sign = self._next()
        if sign == ",":
            self.at += 1
        elif sign != end:
            self._fail(f"{sign!r} where a comma or {end} must stand" if sign else f"{end} is missing")

    def _key(self) -> str:
        sign = self._next()
        if sign in _PLAIN:
            return self._string(sign)
        found = _IDENTIFIER.match(self.text, self.at)
        if not found:
            self._fail(f"{sign!r} is no key" if sign else "} is missing")
        self.at = found.end()
        return found[0]

    def _string(self, quote: str) -> str:
        self.at += 1
        parts: list[str] = []
        while True:
            found = _PLAIN[quote].match(self.text, self.at)
            parts.append(found[0] if found else "")
            self.at += len(parts[-1])
            sign = self.text[self.at : self.at + 1]
            if sign == quote:
                self.at += 1
                return _paired("".join(parts))
            if sign != "\\":
                self._fail("a text has no end")
            parts.append(self._escape())

    def _escape(self) -> str:
        sign = self.text[self.at + 1 : self.at + 2]
        digits = {"x": 2, "u": 4}.get(sign, 0)
        code = self.text[self.at + 2 : self.at + 2 + digits]
        self.at += 2 + digits
        if not digits:
            return _ESCAPES.get(sign, sign)
        if len(code) != digits or not re.fullmatch("[0-9a-fA-F]+", code):
            self._fail(f"\\{sign}{code} is no escape")
        return chr(int(code, 16))


def _paired(text: str) -> str:
    """Two escapes that are halves of one sign, as JavaScript has them, as that sign."""
    if not _HALVES.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(sign: str, hexadecimal: str | None, word: str | None, decimal: str | None) -> float:
    """An integer where it is written as one."""
    factor = -1 if sign == "-" else 1
    if hexadecimal:
        return factor * int(hexadecimal, 16)
    if word:
        return factor * (math.inf if word == "Infinity" else math.nan)
    text = decimal or "0"
    return factor * (int(text) if text.isdigit() else float(text))
