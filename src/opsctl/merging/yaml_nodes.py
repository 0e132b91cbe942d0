"""A YAML text of any layout as nodes that know their places; nothing is refused here that a YAML reader would take.

Offsets are characters of the text, a byte order mark among them; lines are 1-based, columns 0-based.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

from opsctl.merging.keys import BY_HAND, DEEPEST, Unmergeable

_BLOCK_HEADER = re.compile(r"(?:[&!]\S*\s+)*[|>]([-+0-9]*)")
_COLON = re.compile(r"[ \t]*:")
_DASH = re.compile(r"(?:\s|#[^\r\n]*)*-")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node:
    """`end` is where the last character of the value ends: trailing blanks and comments are outside, the blank lines that a
    block scalar keeps are inside. A null that nobody wrote has `start == end`. `text` is that of a scalar.
    """

    kind: Literal["scalar", "list", "mapping", "alias"]
    start: int
    end: int
    line: int
    column: int
    tag: str = ""
    anchor: str = ""
    style: str = ""
    flow: bool = False
    text: str = ""
    items: tuple[Node, ...] = ()
    entries: tuple[Entry, ...] = ()
    target: Node | None = None

    @property
    def meant(self) -> Node:
        """The node itself, or the one that an alias stands for."""
        return self.target or self

    @property
    def is_block(self) -> bool:
        """Whether it is a list or a mapping in block style."""
        return self.kind in {"list", "mapping"} and not self.flow

    @property
    def is_unwritten(self) -> bool:
        return self.kind == "scalar" and self.start == self.end


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Entry:
    key: Node
    value: Node

    @property
    def name(self) -> str:
        """The key's text; empty also for a key that is a list or a mapping."""
        return self.key.meant.text

    @property
    def is_merge(self) -> bool:
        key = self.key
        return key.kind == "scalar" and key.text == "<<" and not key.style and key.tag in {"", MERGE_TAG}


MERGE_TAG = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True, repr=False)
class YamlText:
    """`root` is None where there is nothing but comments; `end` is where more text of the document can stand."""

    root: Node | None
    end: int


def parse(text: str) -> YamlText:
    """Raises Unmergeable, with the line, for what is not one YAML document."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return _Parser(text, YAML(typ="safe", pure=True).parse(text)).document()
    except Unmergeable:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise _broken(said, mark.line + 1 if mark else 0) from None
    except YAMLError as error:
        position = getattr(error, "position", 0)
        raise _broken(str(error).splitlines()[0], text.count("\n", 0, position) + 1) from None
    except (ValueError, OverflowError):
        raise _broken("it holds characters that no text has", 0) from None


def _broken(said: str, line: int) -> Unmergeable:
    tab = "put blanks in place of tabs" if r"'\t'" in said else ""
    return Unmergeable(f"not YAML: {said}", tab or BY_HAND, line=line)


class _Parser:
    """One pass over the parser's events."""

    def __init__(self, text: str, events: Iterator[Any]) -> None:
        self._text = text
        self._events = events
        self._anchors: dict[str, Node | None] = {}

    def document(self) -> YamlText:
        next(self._events)
        if type(next(self._events)).__name__ == "StreamEndEvent":
            return YamlText(None, len(self._text))
        root = self._node(next(self._events), 0)
        ending = next(self._events)
        after = next(self._events)
        if type(after).__name__ != "StreamEndEvent":
            _refuse(after, "several documents in one file", "keep one document in it")
        return YamlText(root, ending.start_mark.index if ending.explicit else len(self._text))

    def _node(self, event: Any, depth: int) -> Node:
        kind = type(event).__name__
        if depth > DEEPEST:
            _refuse(event, "it is nested too deeply", BY_HAND)
        if kind == "AliasEvent":
            return self._alias(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        if kind == "ScalarEvent":
            node = self._scalar(event)
        elif kind == "SequenceStartEvent":
            node = self._list(event, depth)
        else:
            node = self._mapping(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any) -> Node:
        target = self._anchors.get(event.anchor)
        if target is None:
            inside = event.anchor in self._anchors
            _refuse(
                event, "an alias inside its own anchor" if inside else "an alias without an anchor", BY_HAND
            )
        start, end = event.start_mark.index, event.end_mark.index
        return Node("alias", start, end, *_place(event), anchor=event.anchor, target=target)

    def _scalar(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        style = event.style or ""
        if style in {"|", ">"}:
            end = self._block_end(start, end)
        return Node("scalar", start, end, *_place(event), *_properties(event), style=style, text=event.value)

    def _block_end(self, start: int, end: int) -> int:
        header = _BLOCK_HEADER.match(self._text, start)
        if header and "+" in header[1]:
            return start + len(re.sub(r"(?:\r\n|\n|\r)\Z", "", self._text[start:end]))
        return start + len(self._text[start:end].rstrip(" \t\r\n"))

    def _placed(self, node: Node, before: int, sign: re.Pattern[str]) -> Node:
        """A null that nobody wrote stands behind its colon or dash; ruamel.yaml 0.19 gives the place of what comes next."""
        if not node.is_unwritten:
            return node
        found = sign.match(self._text, before)
        at = found.end() if found else before
        return replace(node, start=at, end=at)

    def _list(self, opening: Any, depth: int) -> Node:
        items: list[Node] = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            before = items[-1].end if items else opening.start_mark.index
            items.append(self._placed(self._node(event, depth + 1), before, _DASH))
        flow = bool(opening.flow_style)
        start = opening.start_mark.index
        end = event.end_mark.index if flow else max([opening.end_mark.index, *(item.end for item in items)])
        return Node(
            "list", start, end, *_place(opening), *_properties(opening), flow=flow, items=tuple(items)
        )

    def _mapping(self, opening: Any, depth: int) -> Node:
        entries: list[Entry] = []
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            entries.append(Entry(key, self._placed(value, key.end, _COLON)))
        flow = bool(opening.flow_style)
        start = opening.start_mark.index
        ends = [max(entry.key.end, entry.value.end) for entry in entries]
        end = event.end_mark.index if flow else max([start, *ends])
        return Node(
            "mapping", start, end, *_place(opening), *_properties(opening), flow=flow, entries=tuple(entries)
        )


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column


def _properties(event: Any) -> tuple[str, str]:
    return str(event.tag or ""), event.anchor or ""


def _refuse(event: Any, message: str, hint: str) -> NoReturn:
    raise Unmergeable(message, hint, line=event.start_mark.line + 1)
