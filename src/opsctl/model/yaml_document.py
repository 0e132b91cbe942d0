"""Reads YAML into values and lines in one walk over the composed nodes.

Scalars mean what they mean to Compose (yaml.v3): true and false only, `0644` and `0o644` octal, dates as text. Anchors,
aliases and merge keys work; a key given twice is a problem, an unknown tag too.
"""

from __future__ import annotations

from typing import Any, TypeVar

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from opsctl.errors import Problem
from opsctl.model.document import Document, Path
from opsctl.model.yaml_composing import MappingNode, Node, ScalarNode, SequenceNode, compose
from opsctl.model.yaml_scalars import number

_T = TypeVar("_T")
# A small file of nested aliases can unfold into billions of nodes.
_MOST_NODES = 200_000


def read_yaml(file: str, data: bytes) -> Document:
    """The document with its lines; never raises for what the file holds."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _unreadable(file, data[: error.start].count(b"\n") + 1, "the file is not UTF-8 text")
    try:
        root = compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        context = error.context and f"{error.context}{_since(error)}"
        said = ", ".join(part for part in (context, error.problem) if part)
        return _unreadable(file, mark.line + 1 if mark else 0, f"not YAML: {said}")
    except YAMLError as error:
        return _unreadable(file, 0, f"not YAML: {str(error).splitlines()[0]}")
    walk = _Walk(file)
    try:
        value = walk.value(root, ()) if root is not None else None
    except _TooLarge:
        return _unreadable(file, 0, "aliases unfold into too many values")
    return Document(file, value, walk.lines, walk.written, walk.blocks, tuple(walk.problems))


def _unreadable(file: str, line: int, message: str) -> Document:
    return Document(file, problems=(Problem(file, line, message),))


def _since(error: MarkedYAMLError) -> str:
    """Where what was being read began, if that is another line."""
    begun, met = error.context_mark, error.problem_mark
    return f" (from line {begun.line + 1})" if begun and met and begun.line != met.line else ""


class _TooLarge(Exception):
    pass


class _Walk:
    """Values from nodes, noting lines on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.written: dict[Path, str] = {}
        self.blocks: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._nodes = 0
        self._open: list[Node] = []

    def value(self, node: Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise _TooLarge
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if any(node is other for other in self._open):
            self._fault(node, "an alias inside its own anchor")
            return None
        self._open.append(node)
        try:
            if isinstance(node, SequenceNode):
                return self._items(node, path)
            return self._mapping(node.value, path)
        finally:
            self._open.pop()

    def _items(self, node: SequenceNode, path: Path) -> list[Any]:
        """An alias has the mark of its anchor; as an item it stands, near enough, where the item before it stands."""
        line, items = node.start_mark.line + 1, []
        for index, item in enumerate(node.value):
            if item.start_mark.index >= node.start_mark.index:
                line = item.start_mark.line + 1
            self.lines[*path, index] = line
            items.append(self.value(item, (*path, index)))
        return items

    def _mapping(self, pairs: list[tuple[Node, Node]], path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merges: list[Node] = []
        for key_node, value_node in pairs:
            if _is_merge(key_node):
                merges.append(value_node)
                continue
            key = self._key(key_node)
            if key in result:
                first = self.lines[*path, key]
                self._fault(key_node, f"{key!r} is given twice", f"the first is in line {first}")
                continue
            self.lines[*path, key] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, (*path, key))
        for merge in merges:
            self._merge(merge, path, result)
        return result

    def _merge(self, node: Node, path: Path, into: dict[str, Any]) -> None:
        """Keys of `<<` fill in what is not given; of several mappings the first wins."""
        sources = node.value if isinstance(node, SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, MappingNode):
                self._fault(source, "'<<' takes a mapping or a list of mappings")
                continue
            present = set(into)
            shadow = _Walk(self.file)
            shadow._nodes, shadow._open = self._nodes, self._open
            for key, value in shadow._mapping(source.value, path).items():
                into.setdefault(key, value)
            self._nodes = shadow._nodes
            self.lines |= _without(shadow.lines, path, present)
            self.written |= _without(shadow.written, path, present)
            self.blocks |= _without(shadow.blocks, path, present)

    def _key(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            self._fault(node, "a key is text")
            return f"?{node.start_mark.line + 1}"
        return str(node.value)

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        kind = str(node.tag).rpartition(":")[2]
        text = node.value
        if node.style in {"|", ">"}:
            self.blocks[path] = node.start_mark.line + 2
        match kind:
            case "str" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" | "float":
                value = number(text, kind)
                if not isinstance(value, str) and repr(value) != text:
                    self.written[path] = text
                return value
        self._fault(node, f"the tag {node.tag} has no meaning here")
        return None

    def _fault(self, node: Node, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.file, node.start_mark.line + 1, message, hint))


def _without(noted: dict[Path, _T], path: Path, keys: set[str]) -> dict[Path, _T]:
    """What was noted below a path, without what stands below some keys of it."""
    return {at: entry for at, entry in noted.items() if at[len(path)] not in keys}


def _is_merge(node: Node) -> bool:
    return isinstance(node, ScalarNode) and str(node.tag).endswith(":merge")
