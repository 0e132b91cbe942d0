"""A store's text as nodes that know their places, so that it can be changed without touching the rest of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

from opsctl.edges.sops.scalars import Clear, plain
from opsctl.errors import StoreUnusable
from opsctl.model.values import Unfit

# An escape such as "\ud800"; yaml.v3 refuses it.
_HALF = re.compile("[\ud800-\udfff]")
# Deeper than any store; below Python's own limit of recursion.
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Scalar:
    """`start` and `end` are offsets in the text; both are the same for a null that nobody wrote."""

    value: Clear = field(repr=False)
    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[Node, ...]
    start: int
    end: int
    line: int
    flow: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and what stands below it; `start` is the offset of the key, `column` its 0-based column."""

    start: int
    line: int
    column: int
    node: Node


@dataclass(frozen=True, slots=True)
class Branch:
    entries: dict[str, Entry]
    start: int
    end: int
    line: int
    flow: bool


Node = Scalar | Items | Branch


@lru_cache(maxsize=2)
def read(text: str, where: str) -> Branch:
    """The one mapping that the text holds; lines are 1-based. The last texts are remembered: nobody may change what it gives.

    Raises StoreUnusable, with `where:line`, for what is not YAML, for what sops would not keep (anchors, aliases, merge keys,
    tags, several documents), for keys that are not text or stand twice, and for scalars that `plain` refuses.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return _Reader(text, where, YAML(typ="safe", pure=True).parse(text)).document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise StoreUnusable(
            f"not YAML: {error.problem or error.context}",
            where=f"{where}:{mark.line + 1}" if mark else where,
            hint="put the last good version back: git log, git checkout",
        ) from None
    except (YAMLError, ValueError, OverflowError):
        raise StoreUnusable("not YAML: it holds characters that no text has", where=where) from None


class _Reader:
    """One pass over the parser's events."""

    def __init__(self, text: str, where: str, events: Iterator[Any]) -> None:
        self._text = text
        self._where = where
        self._events = events

    def document(self) -> Branch:
        self._next("StreamStartEvent")
        event = next(self._events)
        if type(event).__name__ == "StreamEndEvent":
            raise StoreUnusable(
                "it is empty",
                where=self._where,
                hint=f"`git checkout -- {self._where}` puts the last good version back; where there never was one, remove the "
                "file, and opsctl secrets init makes a store",
            )
        if event.version or event.tags:
            self._refuse(event, "directives ('%…') are not kept by sops", "remove the line")
        first = next(self._events)
        node = self._node(first, 0, 0)
        if not isinstance(node, Branch) or node.flow:
            self._refuse(first, "a store is a mapping in block style (key: value, one on a line)", "")
        self._next("DocumentEndEvent")
        event = next(self._events)
        if type(event).__name__ != "StreamEndEvent":
            self._refuse(event, "several documents in one file", "keep one file for each")
        return node

    def _next(self, kind: str) -> None:
        event = next(self._events)
        assert type(event).__name__ == kind, kind  # noqa: S101 the parser's grammar

    def _node(self, event: Any, after: int, depth: int) -> Node:
        """`after` is where the text before the node ends."""
        kind = type(event).__name__
        if kind == "AliasEvent" or event.anchor:
            self._refuse(event, "anchors and aliases ('&', '*') are not kept by sops", "write the value out")
        if event.tag:
            self._refuse(event, f"the tag {event.tag} has no meaning here", "remove it, and quote text")
        if depth > _DEEPEST:
            self._refuse(event, "it is nested too deeply", "")
        if kind == "ScalarEvent":
            return self._scalar(event, after)
        if kind == "SequenceStartEvent":
            return self._items(event, depth)
        return self._branch(event, depth)

    def _scalar(self, event: Any, after: int) -> Scalar:
        line = event.start_mark.line + 1
        start, end = event.start_mark.index, event.end_mark.index
        if not event.value.isascii() and _HALF.search(event.value):
            self._refuse(event, "half a character (a lone surrogate)", "sops cannot read it; write it anew")
        if event.style is not None:
            return Scalar(event.value, start, self._trimmed(start, end), line)
        if start == end:
            start = end = after
        try:
            return Scalar(plain(event.value), start, end, line)
        except Unfit as error:
            self._refuse(event, str(error), error.hint)

    def _trimmed(self, start: int, end: int) -> int:
        """Without the blank lines that the end of a block scalar may cover."""
        return start + len(self._text[start:end].rstrip())

    def _items(self, opening: Any, depth: int) -> Items:
        items: list[Node] = []
        end = opening.end_mark.index
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            node = self._node(event, end, depth + 1)
            items.append(node)
            end = node.end
        flow = bool(opening.flow_style)
        return Items(
            tuple(items),
            opening.start_mark.index,
            event.end_mark.index if flow else end,
            opening.start_mark.line + 1,
            flow,
        )

    def _branch(self, opening: Any, depth: int) -> Branch:
        entries: dict[str, Entry] = {}
        end = opening.end_mark.index
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            mark = event.start_mark
            key = self._node(event, end, depth + 1)
            if not isinstance(key, Scalar) or not isinstance(key.value, str) or not key.value.isprintable():
                self._refuse(event, "a key that is not text", "put it in quotes")
            if key.value in entries:
                self._refuse(
                    event,
                    f"{key.value!r} is given twice",
                    f"the first is in line {entries[key.value].line}; after a merge: opsctl secrets resolve",
                )
            node = self._node(next(self._events), self._after_colon(key.end), depth + 1)
            entries[key.value] = Entry(mark.index, mark.line + 1, mark.column, node)
            end = node.end
        flow = bool(opening.flow_style)
        return Branch(
            entries,
            opening.start_mark.index,
            event.end_mark.index if flow else end,
            opening.start_mark.line + 1,
            flow,
        )

    def _after_colon(self, end: int) -> int:
        colon = self._text.find(":", end)
        return colon + 1 if colon >= 0 and not self._text[end:colon].strip() else end

    def _refuse(self, event: Any, message: str, hint: str) -> NoReturn:
        raise StoreUnusable(message, where=f"{self._where}:{event.start_mark.line + 1}", hint=hint)
