"""A changed tree put into the text it came from: what did not change keeps its bytes, order, comments and formatting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.edges.sops.cipher import is_sealed
from opsctl.edges.sops.nodes import Branch, Entry, Items, Node, Scalar
from opsctl.errors import StoreUnusable
from opsctl.render.yaml_text import scalar

SOPS_STEP = 4


@dataclass(frozen=True, slots=True)
class Raw:
    """Lines of YAML in block style to stand below a key, not yet indented."""

    lines: tuple[str, ...]


Desired = Any
"""A node of the old text, to keep it; text, for a scalar; Raw; or a mapping or sequence of these."""


def spliced(text: str, root: Branch, desired: Mapping[str, Desired], *, last: str) -> str:
    """The text with the desired tree. New keys come after the others, at the top before the key `last`.

    Raises StoreUnusable for a layout that cannot be changed line by line; whether the outcome means what was desired is for
    the caller to check.
    """
    splice = _Splice(text, root)
    splice.branch(root, desired, last)
    return splice.text()


class _Splice:
    def __init__(self, text: str, root: Branch) -> None:
        self._old = text
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._step = _step(root)
        self._edits: list[tuple[int, int, str]] = []

    def text(self) -> str:
        out, at = [], 0
        # Stable, and insertions before a removal that begins where they stand.
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):
            out += [self._old[at:start], new]
            at = end
        return "".join([*out, self._old[at:]])

    def branch(self, node: Branch, desired: Mapping[str, Desired], last: str = "") -> None:
        for key, entry in node.entries.items():
            if key in desired:
                self._entry(key, entry, desired[key])
            else:
                self._edits.append((*self._lines_of(entry), ""))
        new = [key for key in desired if key not in node.entries]
        if not new:
            return
        present = [entry for key, entry in node.entries.items() if key != last]
        column = next(iter(node.entries.values())).column
        lines = [line for key in new for line in self._rendered(key, desired[key], column)]
        at = self._lines_of(present[-1])[1] if present else self._lines_of(node.entries[last])[0]
        block = "".join(line + self._newline for line in lines)
        at_an_end = at == len(self._old) and not self._old.endswith("\n")
        self._edits.append((at, at, self._newline + block if at_an_end else block))

    def _entry(self, key: str, entry: Entry, desired: Desired) -> None:
        old = entry.node
        if not self._changed(old, desired):
            return
        if isinstance(old, Scalar) and isinstance(desired, str):
            self._scalar(old, desired)
        elif isinstance(old, Branch) and isinstance(desired, Mapping) and not old.flow and desired:
            self.branch(old, desired)
        elif _is_filled_flow(old) and not isinstance(desired, str | Raw):
            self._edits.append((old.start, old.end, self._in_flow(old, desired)))
        elif isinstance(old, Items) and isinstance(desired, Sequence) and len(desired) == len(old.items):
            for item, wanted in zip(old.items, desired, strict=True):
                self._item(item, wanted)
        else:
            lines = self._rendered(key, desired, entry.column)
            start, end = self._lines_of(entry)
            self._edits.append((start, end, "".join(line + self._newline for line in lines)))

    def _item(self, old: Node, desired: Desired) -> None:
        """An item of a list: its scalars change in place."""
        if not self._changed(old, desired):
            return
        if isinstance(old, Scalar):
            self._scalar(old, desired)
        elif old.flow:
            self._edits.append((old.start, old.end, self._in_flow(old, desired)))
        elif isinstance(old, Items):
            for item, wanted in zip(old.items, desired, strict=True):
                self._item(item, wanted)
        else:
            for key, entry in old.entries.items():
                self._item(entry.node, desired[key])

    def _scalar(self, old: Scalar, new: str) -> None:
        gap = " " if old.start == old.end else ""
        self._edits.append((old.start, old.end, gap + _scalar_text(new, flow=False)))

    def _changed(self, old: Node, desired: Desired) -> bool:
        if old is desired:
            return False
        if isinstance(old, Branch) and isinstance(desired, Mapping):
            return old.entries.keys() != desired.keys() or any(
                self._changed(entry.node, desired[key]) for key, entry in old.entries.items()
            )
        if isinstance(old, Items) and isinstance(desired, Sequence) and not isinstance(desired, str):
            return len(old.items) != len(desired) or any(map(self._changed, old.items, desired))
        return True

    def _in_flow(self, old: Node | None, desired: Desired) -> str:
        """The value in flow style; what is unchanged keeps its spelling."""
        if isinstance(desired, Scalar):
            return self._old[desired.start : desired.end] or "null"
        if isinstance(desired, str):
            return _scalar_text(desired, flow=True)
        if old is not None and not self._changed(old, desired):
            return self._old[old.start : old.end]
        if isinstance(desired, Mapping):
            known = old.entries if isinstance(old, Branch) else {}
            below = {key: known[key].node if key in known else None for key in desired}
            pairs = (f"{scalar(key)}: {self._in_flow(below[key], desired[key])}" for key in desired)
            return "{" + ", ".join(pairs) + "}"
        items = (
            old.items if isinstance(old, Items) and len(old.items) == len(desired) else [None] * len(desired)
        )
        return "[" + ", ".join(map(self._in_flow, items, desired)) + "]"

    def _rendered(self, key: str, desired: Desired, column: int) -> Iterator[str]:
        pad = " " * column
        if isinstance(desired, Raw):
            yield f"{pad}{scalar(key)}:"
            yield from (f"{pad}{' ' * self._step}{line}" for line in desired.lines)
        elif isinstance(desired, Mapping) and desired:
            yield f"{pad}{scalar(key)}:"
            for below, value in desired.items():
                yield from self._rendered(below, value, column + self._step)
        elif isinstance(desired, str):
            yield f"{pad}{scalar(key)}: {_scalar_text(desired, flow=False)}"
        else:
            yield f"{pad}{scalar(key)}: {self._in_flow(None, desired)}"

    def _lines_of(self, entry: Entry) -> tuple[int, int]:
        """From the beginning of the key's line to the end of the last line of what stands below it."""
        start = self._old.rfind("\n", 0, entry.start) + 1
        if self._old[start : entry.start].strip("\ufeff "):
            raise StoreUnusable(
                "its layout cannot be changed line by line",
                hint="sops writes it anew in its own: sops edit FILE",
            )
        end = self._old.find("\n", entry.node.end)
        return start, len(self._old) if end < 0 else end + 1


def _is_filled_flow(node: Node) -> bool:
    """Not `{}` and `[]`, which become blocks."""
    return (isinstance(node, Branch) and node.flow and bool(node.entries)) or (
        isinstance(node, Items) and node.flow and bool(node.items)
    )


def _scalar_text(text: str, *, flow: bool) -> str:
    return text if is_sealed(text) and not flow else scalar(text)


def _step(root: Branch) -> int:
    """How deep the file indents: as deep as its first mapping in block style does, else as sops."""
    for entry in root.entries.values():
        if isinstance(entry.node, Branch) and entry.node.entries and not entry.node.flow:
            return max(next(iter(entry.node.entries.values())).column, 1)
    return SOPS_STEP
