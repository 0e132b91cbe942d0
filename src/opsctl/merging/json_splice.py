"""Managed keys spliced into a JSON text: what has its value already stays as it is spelled, everything else keeps its bytes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import NoReturn

from opsctl.merging.edits import Edits
from opsctl.merging.json_nodes import Member, Node, parse
from opsctl.merging.keys import Merged, Path, Unmergeable, Value, changes, has, managed, require_settled

_BREAK = re.compile(r"[\r\n]")
_BYTE_ORDER_MARK = "\ufeff"
_USUAL_STEP = "  "


def merge_json(text: str, desired: Mapping[str, Value]) -> Merged:
    """As `opsctl.merging.yaml_splice.merge_yaml`, for JSON: indentation, spacing and order stay.

    Raises Unmergeable, with the line and the path: for what is not JSON (comments and trailing commas are not) or has a key
    twice; for a key to be changed that is an object with other keys, or stands below something that is no object; and for
    numbers that JSON has no form for.
    """
    wanted = managed(desired)
    for path, value in wanted.items():
        _require_form(value, path)
    root = parse(text)
    tree = root.value if root else None
    changed = changes(tree, wanted)
    if not changed:
        return Merged(text, ())
    spliced = _Splice(text).spliced(root, desired)
    require_settled(tree, lambda: _read_back(spliced), wanted, "change it by hand")
    return Merged(spliced, changed)


def _read_back(text: str) -> Value:
    """By another reader than the one that gave the places."""
    return json.loads(text.removeprefix(_BYTE_ORDER_MARK), object_pairs_hook=_distinct)


def _distinct(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def _require_form(value: Value, path: Path) -> None:
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        _require_form(inner, path)
    if isinstance(value, float) and not math.isfinite(value):
        raise Unmergeable("JSON has no form for a number that is not finite", path=path)


class _Splice:
    def __init__(self, text: str) -> None:
        self._text = text
        self._edits = Edits(text)
        self._step = _USUAL_STEP

    def spliced(self, root: Node | None, desired: Mapping[str, Value]) -> str:
        if root is None:
            self._edits.insert_lines(len(self._text), [self._spelled(desired, "", ": ", lines=True)])
            return self._edits.text()
        last = _last(root)
        if last and self._is_in_lines(root):
            self._step = self._indent(last.start, "") or _USUAL_STEP
        self._below(root, "", ": ", desired, (), lines=True)
        return self._edits.text()

    def _below(
        self, node: Node, indent: str, colon: str, desired: Mapping[str, Value], path: Path, *, lines: bool
    ) -> None:
        """Desired keys below a node. The rest is how what holds it is laid out: its indentation, its colons, whether in lines."""
        if node.members:
            self._members(node, indent, desired, path)
        elif node.value == {} or (node.value is None and path):
            self._edits.replace(node.start, node.end, self._spelled(desired, indent, colon, lines=lines))
        else:
            what = "a list" if isinstance(node.value, list) else "a single value"
            _refuse(node, path, f"{what} stands where an object is needed", "make it an object by hand")

    def _members(self, node: Node, indent: str, desired: Mapping[str, Value], path: Path) -> None:
        last = _last(node)
        assert last  # noqa: S101 it has members
        lines = self._is_in_lines(node)
        inner = self._indent(last.start, indent)
        colon = self._text[last.end : last.node.start]
        colon = colon if not _BREAK.search(colon) else ": "
        new: list[str] = []
        for key, value in desired.items():
            below = (*path, key)
            member = node.members.get(key)
            if has(node.value, key, value):
                continue
            if member is None:
                gap = self._edits.newline + inner if lines else colon.partition(":")[2]
                spelled = self._spelled(value, inner, colon, lines=lines)
                new.append(f",{gap}{json.dumps(key, ensure_ascii=False)}{colon}{spelled}")
                continue
            at = self._indent(member.start, inner)
            if isinstance(value, Mapping):
                self._below(member.node, at, colon, value, below, lines=lines)
                continue
            self._require_no_members(member.node, below)
            listed = bool(member.node.value) and isinstance(member.node.value, list)
            spelled = self._spelled(
                value, at, colon, lines=self._is_in_lines(member.node) if listed else lines
            )
            self._edits.replace(member.node.start, member.node.end, spelled)
        self._edits.replace(last.node.end, last.node.end, "".join(new))

    def _require_no_members(self, node: Node, path: Path) -> None:
        if node.members:
            reason = "an object stands there, whose keys would be lost"
            _refuse(node, path, reason, "remove it by hand, or name the keys in it")

    def _is_in_lines(self, node: Node) -> bool:
        """Whether an object has its last key, or a list anything, on a line of its own."""
        last = _last(node)
        if last:
            return self._edits.is_first_of_its_line(last.start)
        return bool(_BREAK.search(self._text[node.start : node.end]))

    def _indent(self, at: int, otherwise: str) -> str:
        """The blanks before an offset, if nothing else is before it in its line."""
        before = self._text[self._edits.line_start(at) : at]
        return before if not before.strip(" \t") else otherwise

    def _spelled(self, value: Value, indent: str, colon: str, *, lines: bool) -> str:
        if lines:
            text = json.dumps(value, ensure_ascii=False, indent=self._step)
            return text.replace("\n", self._edits.newline + indent)
        gap = colon.partition(":")[2]
        return json.dumps(value, ensure_ascii=False, separators=(f",{gap}", colon))


def _last(node: Node) -> Member | None:
    return next(reversed(node.members.values()), None)


def _refuse(node: Node, path: Path, reason: str, hint: str) -> NoReturn:
    raise Unmergeable(reason, hint, line=node.line, path=path)
