"""A JSON text as nodes that know their places. RFC 8259 and nothing beside it: no comments, no trailing commas, no NaN."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NoReturn

from opsctl.merging.keys import BY_HAND, DEEPEST, Unmergeable, Value

_BLANK = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
# Python 3.11 reads no whole number of more than 4300 digits (sys.set_int_max_str_digits).
_MOST_DIGITS = 4000
_WORDS = {"true": True, "false": False, "null": None}
_WORD = re.compile(r"true|false|null")
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """`end` is behind the last character; `value` is the tree of the node."""

    value: Value = field(repr=False)
    start: int
    end: int
    line: int
    members: dict[str, Member] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """`start` and `end` are those of the key, with its quotes."""

    start: int
    end: int
    node: Node


def parse(text: str) -> Node | None:
    """The root; None where there are only blanks. A byte order mark at the start is a blank.

    Raises Unmergeable, with the line, for what is not JSON and for a key given twice.
    """
    try:
        return _Parser(text).document()
    except UnicodeError:
        raise Unmergeable("it holds characters that no text has", BY_HAND) from None


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = len(_BYTE_ORDER_MARK) if text.startswith(_BYTE_ORDER_MARK) else 0

    def document(self) -> Node | None:
        self._text.encode()
        self._blank()
        if self._at == len(self._text):
            return None
        root = self._node(0)
        if self._at < len(self._text):
            self._refuse("text after the end of the value")
        return root

    def _node(self, depth: int) -> Node:
        """A value and the blanks behind it."""
        if depth > DEEPEST:
            self._refuse("it is nested too deeply")
        start, line = self._at, self._line(self._at)
        members: dict[str, Member] = {}
        value: Value
        match self._text[start : start + 1]:
            case "{":
                members = self._members(depth)
                value = {key: member.node.value for key, member in members.items()}
            case "[":
                value = self._items(depth)
            case '"':
                value = self._string()
            case _:
                value = self._word()
        node = Node(value, start, self._at, line, members)
        self._blank()
        return node

    def _members(self, depth: int) -> dict[str, Member]:
        members: dict[str, Member] = {}
        self._take("{")
        while not (self._is_next("}") and not members):
            start = self._at
            if not self._is_next('"'):
                self._refuse("a key in double quotes is expected")
            key = self._string()
            end = self._at
            if key in members:
                first = self._line(members[key].start)
                hint = f"the first is in line {first}; remove one of them"
                raise Unmergeable(f"the key {key!r} is given twice", hint, line=self._line(start))
            self._blank()
            self._take(":")
            members[key] = Member(start, end, self._node(depth + 1))
            if not self._is_next(","):
                break
            self._take(",")
        self._close("}")
        return members

    def _items(self, depth: int) -> list[Value]:
        items: list[Value] = []
        self._take("[")
        while not (self._is_next("]") and not items):
            items.append(self._node(depth + 1).value)
            if not self._is_next(","):
                break
            self._take(",")
        self._close("]")
        return items

    def _string(self) -> str:
        try:
            value, self._at = scanstring(self._text, self._at + 1, True)
        except JSONDecodeError as error:
            self._at = error.pos
            self._refuse(error.msg.removesuffix(" at").lower())
        return str(value)

    def _word(self) -> Value:
        if word := _WORD.match(self._text, self._at):
            self._at = word.end()
            return _WORDS[word[0]]
        number = _NUMBER.match(self._text, self._at)
        if not number:
            self._refuse("a value is expected")
        if number.end() - self._at > _MOST_DIGITS:
            self._refuse("a number of too many digits")
        self._at = number.end()
        return float(number[0]) if number[1] or number[2] else int(number[0])

    def _is_next(self, character: str) -> bool:
        return self._text.startswith(character, self._at)

    def _take(self, character: str) -> None:
        """The character and the blanks behind it."""
        self._close(character)
        self._blank()

    def _close(self, character: str) -> None:
        if not self._is_next(character):
            self._refuse(f"{character!r} is expected")
        self._at += 1

    def _blank(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at

    def _line(self, at: int) -> int:
        return self._text.count("\n", 0, at) + 1

    def _refuse(self, message: str) -> NoReturn:
        line = self._line(self._at)
        if self._text.startswith(("//", "/*", "#"), self._at):
            hint = "remove it; where the program takes comments, it takes YAML or another file beside this one too, as a rule"
            raise Unmergeable("a comment, which JSON does not have", hint, line=line)
        raise Unmergeable(f"not JSON: {message}", BY_HAND, line=line)
