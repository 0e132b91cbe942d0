"""The composed nodes of a YAML text, with the tags of YAML 1.2.

libyaml reads it, twenty times as fast as ruamel.yaml and as Compose does, whose yaml.v3 is libyaml in Go. What libyaml refuses, and
what it would read by the rules of YAML 1.1, is left to ruamel.yaml, which also says better what is wrong.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml import nodes as ruamel_nodes

ScalarNode = yaml.ScalarNode | ruamel_nodes.ScalarNode
SequenceNode = yaml.SequenceNode | ruamel_nodes.SequenceNode
MappingNode = yaml.MappingNode | ruamel_nodes.MappingNode
Node = yaml.Node | ruamel_nodes.Node

# A directive may ask for YAML 1.1, for which these are line breaks too.
_OF_ANOTHER_VERSION = re.compile(r"(?m)^%|[\x85\u2028\u2029]")
_PREFIX = "tag:yaml.org,2002:"
_KINDS = {yaml.ScalarNode: "str", yaml.SequenceNode: "seq", yaml.MappingNode: "map"}


def compose(text: str) -> Node | None:
    """The root of the one document; None where there is none. Raises ruamel.yaml.error.YAMLError."""
    if yaml.__with_libyaml__ and not _OF_ANOTHER_VERSION.search(text):
        try:
            return _fast(text)
        except yaml.YAMLError:
            pass
    slow = YAML(typ="safe", pure=True)
    slow.composer.warn_double_anchors = False
    root: Node | None = slow.compose(text)
    return root


def _fast(text: str) -> Node | None:
    root: Node | None = _parser()(text).get_single_node()
    return root


@cache
def _parser() -> Any:
    from yaml._yaml import CParser

    class Parser(CParser):
        """libyaml's composer; it asks `resolve` for every tag that is not written."""

        def resolve(self, kind: type, value: str | None, implicit: tuple[bool, bool] | None) -> str:
            if kind is yaml.ScalarNode and implicit and implicit[0] and value is not None:
                for tag, fits in _plain().get(value[:1], ()):
                    if fits.match(value):
                        return tag
            return _PREFIX + _KINDS[kind]

        def descend_resolver(self, *_where: object) -> None: ...

        def ascend_resolver(self) -> None: ...

    return Parser


@cache
def _plain() -> Mapping[str, Sequence[tuple[str, Any]]]:
    """By first character, what a plain scalar may be other than text: ruamel.yaml's own table for YAML 1.2."""
    from ruamel.yaml.resolver import implicit_resolvers

    table = defaultdict(list)
    for versions, tag, fits, firsts in implicit_resolvers:
        if (1, 2) in versions:
            for first in firsts:
                table[first].append((str(tag), fits))
    return table
