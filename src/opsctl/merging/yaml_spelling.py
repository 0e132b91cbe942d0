"""Values as YAML to be spliced into somebody's file: in the quotes that stand there, in block or flow style."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain

from opsctl.merging.keys import Value
from opsctl.merging.yaml_nodes import Node
from opsctl.model.yaml_scalars import WORDS, quoted, scalar

# Plain text that no reader takes for something else: it begins with a letter, or is an address.
_WORDY = re.compile(r"(?:[^\W\d]|/|\./)(?:[\w./@+=%,-]|[ :]+(?=[\w./@+=%,-]))*")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?::\d{1,5})?", re.ASCII)
_ON_ONE_LINE = re.compile("[^\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]*")


def spelled(value: Value, style: str = "", *, flow: bool = False) -> str:
    """A scalar or an empty collection on one line: text in this style (`'`, `"`, or none) where it can be, else in `"`."""
    if not isinstance(value, str):
        return scalar(value)
    if style == "'" and _ON_ONE_LINE.fullmatch(value):
        return "'" + value.replace("'", "''") + "'"
    return value if not style and _is_plain(value, flow=flow) else quoted(value)


def _is_plain(text: str, *, flow: bool) -> bool:
    if text.lower() in WORDS or ": " in text or (flow and re.search(r"[:,]", text)):
        return False
    return bool(_WORDY.fullmatch(text) or _ADDRESS.fullmatch(text))


def in_flow(value: Value, style: str = "") -> str:
    """Any value on one line, to stand in flow style."""
    if isinstance(value, Mapping) and value:
        pairs = (f"{spelled(key, flow=True)}: {in_flow(entry, style)}" for key, entry in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list) and value:
        return "[" + ", ".join(in_flow(entry, style) for entry in value) + "]"
    return spelled(value, style, flow=True)


def items(value: list[Value], style: str = "") -> Iterator[str]:
    """The lines of a list in block style, its dashes in the first column."""
    for entry in value:
        inner = _lines(entry, style)
        yield f"- {next(inner)}"
        yield from (f"  {line}" for line in inner)


def _lines(value: Value, style: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key, entry in value.items():
            inner = _lines(entry, style)
            if isinstance(entry, Mapping | list) and entry:
                yield f"{spelled(key)}:"
                yield from (f"  {line}" for line in inner)
            else:
                yield f"{spelled(key)}: {next(inner)}"
    elif isinstance(value, list) and value:
        yield from items(value, style)
    else:
        yield spelled(value, style)


def literal(text: str) -> tuple[str, tuple[str, ...]] | None:
    """The header and the lines of a text as a literal block (`|`), not indented; None where such a block cannot hold it."""
    lines = text.removesuffix("\n").split("\n")
    held = lines[0][:1] not in {"", " ", "\t"} and lines[-1].strip(" \t")
    if not held or not all(_ON_ONE_LINE.fullmatch(line.replace("\t", " ")) for line in lines):
        return None
    return "|" if text.endswith("\n") else "|-", tuple(lines)


def style_of(node: Node) -> str:
    """The quotes of the first text in a value; none for a block of text, or where there is no text."""
    for inner in _scalars(node):
        if inner.style or inner.text:
            return inner.style if inner.style in {"'", '"'} else ""
    return ""


def _scalars(node: Node) -> Iterator[Node]:
    if node.kind == "scalar":
        yield node
    for inner in chain(node.items, (entry.value for entry in node.entries)):
        yield from _scalars(inner)


def shared(node: Node) -> Node | None:
    """The first anchor, alias or tag in a value, itself included."""
    if node.kind == "alias" or node.anchor or node.tag:
        return node
    inner = chain(node.items, *((entry.key, entry.value) for entry in node.entries))
    return next((found for one in inner if (found := shared(one))), None)


def steps_of(root: Node | None) -> tuple[int, int]:
    """How deep the text indents the keys of a mapping below its own key, and the dashes of a list: as it most often does."""
    keys: list[int] = []
    dashes: list[int] = []
    for mapping in _block_mappings(root):
        for entry in mapping.entries:
            if entry.value.is_block and entry.value.line > entry.key.line:
                (dashes if entry.value.kind == "list" else keys).append(entry.value.column - mapping.column)
    step = _most_common(keys) or _most_common(dashes) or 2
    return step, _most_common(dashes, step)


def _most_common(counted: list[int], otherwise: int = 0) -> int:
    return Counter(counted).most_common(1)[0][0] if counted else otherwise


def _block_mappings(node: Node | None) -> Iterator[Node]:
    if node is None or not node.is_block:
        return
    if node.kind == "mapping":
        yield node
    for inner in chain(node.items, (entry.value for entry in node.entries)):
        yield from _block_mappings(inner)
