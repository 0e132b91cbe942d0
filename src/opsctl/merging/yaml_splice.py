"""Managed keys spliced into a YAML text: what has its value already stays as it is spelled, everything else keeps its bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn

from opsctl.merging.edits import Edits
from opsctl.merging.keys import (
    Merged,
    Path,
    Unmergeable,
    Value,
    changes,
    has,
    is_covered,
    managed,
    require_settled,
)
from opsctl.merging.yaml_nodes import Entry, Node, YamlText, parse
from opsctl.merging.yaml_spelling import in_flow, items, literal, shared, spelled, steps_of, style_of
from opsctl.merging.yaml_values import STANDARD, meaning
from opsctl.model.yaml_scalars import scalar

_COLON = re.compile(r"[ \t]*:")
_HEADER = re.compile(r"[|>][-+0-9]*")
_BLANK_LINES = re.compile(r"(?:[ \t]*(?:\r\n|\n|\r))*[ \t]*")
_BY_HAND = "change it by hand, or write the mapping in block style, one key on a line"


def merge_yaml(text: str, desired: Mapping[str, Value]) -> Merged:
    """The text with exactly the managed keys at their desired values; which those are says `opsctl.merging.keys.managed`.

    Raises Unmergeable, with the line and the path: for a text that is not one YAML document or has a key twice; for a key to be
    changed that stands in a flow mapping, has a part in anchors, aliases or tags, is a mapping with other keys, or stands below
    something that is no mapping; and where what was spliced would not read as it should.
    """
    wanted = managed(desired)
    document = parse(text)
    tree = meaning(document.root)
    changed = changes(tree, wanted)
    if not changed:
        return Merged(text, ())
    spliced = _Splice(text, document).spliced(tree, desired)
    hint = _BY_HAND if text.endswith(("\n", "\r")) else "end the file's last line with a line break"
    require_settled(tree, lambda: meaning(parse(spliced).root), wanted, hint)
    return Merged(spliced, changed)


class _Splice:
    def __init__(self, text: str, document: YamlText) -> None:
        self._text = text
        self._document = document
        self._edits = Edits(text)
        self._step, self._dashes = steps_of(document.root)

    def spliced(self, tree: Value, desired: Mapping[str, Value]) -> str:
        root = self._document.root
        if root is None or root.is_unwritten:
            self._edits.insert_lines(self._document.end, self._keys(desired, 0))
        else:
            self._below(root, None, tree, desired, ())
        return self._edits.text()

    def _below(
        self, node: Node, entry: Entry | None, now: Value, desired: Mapping[str, Value], path: Path
    ) -> None:
        """Desired keys below a node, which is the value of the entry, or the root."""
        _require_unshared(node, node, path)
        if node.kind == "mapping" and not node.flow:
            self._mapping(node, now, desired, path)
        elif node.kind == "mapping" and node.entries:
            self._flow_mapping(node, now, desired, path)
        elif entry and (now is None or node.kind == "mapping"):
            self._emptied(entry, self._keys(desired, entry.key.column + self._step), path)
        elif node.kind == "mapping":
            self._cleared(node, self._keys(desired, 0))
        else:
            what = "a list" if node.kind == "list" else "a single value"
            _refuse(node, path, f"{what} stands where a mapping is needed", "make it a mapping by hand")

    def _flow_mapping(self, node: Node, now: Value, desired: Mapping[str, Value], path: Path) -> None:
        """Replaced as a whole, where it is on one line and every key in it is managed."""
        part = shared(node)
        if part or not self._is_on_one_line(node) or not is_covered(now, managed(desired)):
            reason = "a mapping in flow style ('{…}') is not changed in part"
            _refuse(part or node, path, reason, _BY_HAND)
        self._edits.replace(node.start, node.end, in_flow(desired, style_of(node)))

    def _mapping(self, node: Node, now: Value, desired: Mapping[str, Value], path: Path) -> None:
        entries = {entry.name: entry for entry in node.entries if not entry.is_merge}
        new: dict[str, Value] = {}
        for key, value in desired.items():
            below = (*path, key)
            if has(now, key, value):
                continue
            if key not in entries:
                if key in now and isinstance(value, Mapping):
                    reason = "it comes by '<<', and a key beside that would hide all of it"
                    _refuse(node, below, reason, "write the mapping out beside '<<'")
                new[key] = value
            elif isinstance(value, Mapping):
                self._below(entries[key].value, entries[key], now[key], value, below)
            else:
                self._value(entries[key], node.column, value, below)
        if new:
            self._require_first_of_its_line(node, path)
            self._edits.insert_lines(self._edits.line_end(node.end), self._keys(new, node.column))

    def _value(self, entry: Entry, column: int, wanted: Value, path: Path) -> None:
        """A scalar or a list in place of what stands there."""
        old = entry.value
        _require_unshared(old, shared(old), path)
        if old.kind == "mapping" and old.entries:
            reason = "a mapping stands there, whose keys would be lost"
            _refuse(old, path, reason, "remove it by hand, or name the keys in it")
        if wanted and isinstance(wanted, list | tuple):
            self._list(entry, column, list(wanted), path)
        elif old.style in {"|", ">"}:
            self._block_scalar(old, column, wanted)
        elif old.is_block:
            at = self._after_colon(entry, path)
            self._edits.replace(at, at, f" {spelled(wanted, style_of(old))}")
            self._in_place_of_lines(old, (), path)
        else:
            gap = " " if old.is_unwritten else ""
            self._edits.replace(old.start, old.end, gap + spelled(wanted, style_of(old)))

    def _list(self, entry: Entry, column: int, wanted: list[Value], path: Path) -> None:
        """In flow style where it was on one line, where an empty one becomes scalars too; else in block style."""
        old, style = entry.value, style_of(entry.value)
        fits = bool(old.items) or not any(isinstance(item, Mapping | list | tuple) for item in wanted)
        if old.kind == "list" and old.flow and self._is_on_one_line(old) and fits:
            self._edits.replace(old.start, old.end, in_flow(wanted, style))
        elif old.is_block:
            self._in_place_of_lines(old, _indented(items(wanted, style), old.column), path)
        else:
            self._emptied(entry, _indented(items(wanted, style), column + self._dashes), path)

    def _block_scalar(self, old: Node, column: int, wanted: Value) -> None:
        """Header and lines apart, so that a comment beside the header stays."""
        header = _HEADER.match(self._text, old.start)
        assert header  # noqa: S101 without tag and anchor, a block scalar begins with it
        first = self._edits.line_end(header.end())
        last = max(first, self._edits.line_end(self._filled_end(old)))
        filled = [line for line in self._text[first:last].split("\n") if line.strip()]
        depth = len(filled[0]) - len(filled[0].lstrip(" ")) if filled else column + self._step
        block = literal(wanted) if isinstance(wanted, str) and self._is_blank_after(last, depth) else None
        text, lines = block or (spelled(wanted, '"'), ())
        self._edits.replace(*header.span(), text)
        self._edits.replace(first, last, "")
        self._edits.insert_lines(last, _indented(lines, depth))

    def _is_blank_after(self, at: int, depth: int) -> bool:
        """Whether blank lines there would not become part of a block of this depth."""
        blank = _BLANK_LINES.match(self._text, at)
        return not blank or all(len(line) <= depth for line in blank[0].split("\n"))

    def _emptied(self, entry: Entry, lines: Iterable[str], path: Path) -> None:
        """Lines below the key of an entry in place of its value."""
        old, colon = entry.value, self._after_colon(entry, path)
        if old.start >= self._edits.line_end(colon):
            self._cleared(old, lines)
            return
        self._edits.replace(colon, self._filled_end(old), "")
        self._edits.insert_lines(self._edits.line_end(self._filled_end(old)), lines)

    def _cleared(self, old: Node, lines: Iterable[str]) -> None:
        """Lines in place of a value; what stands beside it in its lines stays, a comment."""
        end = self._filled_end(old)
        below = self._edits.line_end(end)
        if self._edits.is_first_of_its_line(old.start) and not self._text[end:below].strip():
            self._edits.replace_lines(old.start, end, lines)
            return
        self._edits.replace(old.start, end, "")
        self._edits.insert_lines(below, lines)

    def _in_place_of_lines(self, old: Node, lines: Iterable[str], path: Path) -> None:
        self._require_first_of_its_line(old, path)
        self._edits.replace_lines(old.start, self._filled_end(old), lines)

    def _filled_end(self, node: Node) -> int:
        """Where a value ends without the blank lines that a block scalar keeps."""
        return node.start + len(self._text[node.start : node.end].rstrip(" \t\r\n"))

    def _after_colon(self, entry: Entry, path: Path) -> int:
        colon = _COLON.match(self._text, entry.key.end)
        return colon.end() if colon else _refuse(entry.key, path, "its layout is not 'key: value'", _BY_HAND)

    def _require_first_of_its_line(self, node: Node, path: Path) -> None:
        if not self._edits.is_first_of_its_line(node.start):
            _refuse(node, path, "it does not begin on a line of its own", _BY_HAND)

    def _is_on_one_line(self, node: Node) -> bool:
        return not re.search(r"[\r\n]", self._text[node.start : node.end])

    def _keys(self, desired: Mapping[str, Value], column: int) -> Iterator[str]:
        """The lines of new keys."""
        pad = " " * column
        for key, value in desired.items():
            block = literal(value) if isinstance(value, str) and "\n" in value else None
            if value and isinstance(value, Mapping):
                yield f"{pad}{scalar(key)}:"
                yield from self._keys(value, column + self._step)
            elif value and isinstance(value, list | tuple):
                yield f"{pad}{scalar(key)}:"
                yield from _indented(items(list(value)), column + self._dashes)
            elif block:
                yield f"{pad}{scalar(key)}: {block[0]}"
                yield from _indented(block[1], column + self._step)
            else:
                yield f"{pad}{scalar(key)}: {spelled(value)}"


def _indented(lines: Iterable[str], column: int) -> Iterator[str]:
    return (f"{' ' * column}{line}" if line else line for line in lines)


def _require_unshared(node: Node, part: Node | None, path: Path) -> None:
    """What has a part in anchors, aliases or tags is not changed; `part` is what has it in the node, if anything."""
    if part is None:
        return
    where = "it" if part is node else "a part of it"
    if part.target:
        hint = f"change what stands in line {part.target.line}, or write it out here"
        _refuse(part, path, f"{where} is an alias (*{part.anchor})", hint)
    if part.anchor:
        hint = "write the value out where the alias stands, and remove the anchor"
        _refuse(part, path, f"{where} has an anchor (&{part.anchor}), so that aliases would change too", hint)
    if part.tag:
        tag = part.tag.replace(STANDARD, "!!")
        _refuse(part, path, f"{where} has a tag ({tag})", "remove the tag, or change it by hand")


def _refuse(node: Node, path: Path, reason: str, hint: str) -> NoReturn:
    raise Unmergeable(reason, hint, line=node.line, path=path)
