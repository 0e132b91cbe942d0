"""What the nodes of a YAML text mean: scalars as yaml.v3 reads them, aliases and merge keys resolved.

As in `opsctl.model.yaml_document`, but for files of strangers: an unknown tag is part of the value, not a problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from opsctl.merging.keys import BY_HAND, DEEPEST, Tagged, Unmergeable, Value, canonical
from opsctl.merging.yaml_nodes import Node
from opsctl.model.yaml_scalars import number

# A small file of nested aliases can unfold into billions of nodes.
_MOST_NODES = 50_000
_DEEPEST = 2 * DEEPEST
STANDARD = "tag:yaml.org,2002:"
_COLLECTIONS = frozenset({"", "!", f"{STANDARD}map", f"{STANDARD}seq"})


def meaning(node: Node | None) -> Value:
    """The tree of a node; of no node, null. Keys are told apart by their text alone: `80` and `"80"` are the same key.

    Raises Unmergeable, with the line, for a key given twice, a merge key without a mapping, and aliases that unfold into too
    many values.
    """
    return _Reading().value(node) if node else None


class _Reading:
    def __init__(self) -> None:
        self._nodes = 0
        self._depth = 0

    def value(self, node: Node) -> Value:
        if node.kind == "scalar":
            self._nodes += 1
            return scalar_meaning(node)
        self._enter(node)
        if node.target:
            value = self.value(node.target)
        elif node.kind == "list":
            value = _tagged(node, [self.value(item) for item in node.items])
        else:
            value = _tagged(node, self._mapping(node))
        self._depth -= 1
        return value

    def _enter(self, node: Node) -> None:
        self._nodes += 1
        self._depth += 1
        if self._nodes > _MOST_NODES or self._depth > _DEEPEST:
            raise Unmergeable("aliases unfold into too many values", BY_HAND, line=node.line)

    def _mapping(self, node: Node) -> dict[str, Value]:
        result: dict[str, Value] = {}
        lines: dict[str, int] = {}
        for entry in node.entries:
            if entry.is_merge:
                continue
            key = entry.name if entry.key.meant.kind == "scalar" else f"? {canonical(self.value(entry.key))}"
            if key in result:
                raise Unmergeable(
                    f"the key {key!r} is given twice",
                    f"the first is in line {lines[key]}; remove one of them",
                    line=entry.key.line,
                )
            lines[key] = entry.key.line
            result[key] = self.value(entry.value)
        for source in _sources(node):
            self._enter(source)
            for key, value in self._mapping(source).items():
                result.setdefault(key, value)
            self._depth -= 1
        return result


def _tagged(node: Node, value: Value) -> Value:
    return value if node.tag in _COLLECTIONS else Tagged(node.tag, value)


def _sources(node: Node) -> Iterator[Node]:
    """The mappings that `<<` takes in; of several the first wins."""
    for entry in node.entries:
        if entry.is_merge:
            value = entry.value.meant
            for source in value.items if value.kind == "list" else (value,):
                if source.meant.kind != "mapping":
                    raise Unmergeable("'<<' takes a mapping or a list of mappings", BY_HAND, line=source.line)
                yield source.meant


def scalar_meaning(node: Node) -> Value:
    tag = node.tag or (f"{STANDARD}str" if node.style else plain_tag(node.text))
    if not tag.startswith(STANDARD):
        return node.text if tag == "!" else Tagged(tag, node.text)
    match tag.removeprefix(STANDARD):
        case "str" | "timestamp" | "value" | "merge":
            return node.text
        case "null":
            return None
        case "bool":
            return node.text.lower() == "true"
        case "int" | "float" as kind:
            return number(node.text, kind)
    return Tagged(tag, node.text)


def plain_tag(text: str) -> str:
    """The tag of a scalar that has neither quotes nor a tag, by YAML 1.2 whatever version the file claims, as yaml.v3 does."""
    from ruamel.yaml.nodes import ScalarNode

    return str(_resolver().resolve(ScalarNode, text, (True, False)))


@cache
def _resolver() -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).resolver
