"""What a Jinja text names, told from its syntax tree without rendering it. Importing this imports Jinja."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import jinja2
from jinja2 import meta, nodes

from opsctl.render.templating import Templates

# Where a name may be missing: `x is defined`, `x | default(…)`; mandatory has a message of its own.
_FORGIVING_TESTS = frozenset({"defined", "undefined"})
_FORGIVING_FILTERS = frozenset({"default", "d", "mandatory"})
_OF_MAPPINGS = frozenset(name for name in dir(dict) if not name.startswith("_"))
_LOOKED_INTO = ("vars", "hosts", "services", "sites")

_Node = TypeVar("_Node", bound=nodes.Node)
Parts = tuple[nodes.Node, ...]
"""Every node of a tree, parents first."""


@dataclass(frozen=True, slots=True)
class Named:
    """A name in a text; `line` is 1-based within it. `owner` is "vars" for vars.name, "" for a name of the context,
    "secret" for secret('name'), "login" for login('name'), "filter", "test" or "template" (included, imported or extended).
    """

    owner: str
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What one text names; `error` is (line, message) where it is not a template at all."""

    names: tuple[Named, ...] = ()
    error: tuple[int, str] | None = None


class Reader:
    """Reads texts as `Templates` will render them, each text once."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self._jinja = Templates(sources).jinja
        self._known: dict[str, Reading] = {}
        self.filters = frozenset(self._jinja.filters)
        self.tests = frozenset(self._jinja.tests)
        self.globals = frozenset(self._jinja.globals)

    def read(self, text: str) -> Reading:
        if text not in self._known:
            self._known[text] = self._read(text)
        return self._known[text]

    def _read(self, text: str) -> Reading:
        try:
            tree = self._jinja.parse(text)
        except jinja2.TemplateSyntaxError as error:
            return Reading(error=(error.lineno, (error.message or "cannot be read").rstrip(".")))
        parts = tuple(tree.find_all(nodes.Node))
        try:
            free = self._loaded(parts) if _binds_nothing(parts) else self._free(tree, parts)
        except jinja2.UndefinedError as error:  # a constant that is looked into, as in {{ 1.key ~ a }}
            return Reading(error=(1, str(error)))
        return Reading(tuple(dict.fromkeys(_names(parts, free))))

    def _loaded(self, parts: Parts) -> frozenset[str]:
        return frozenset(part.name for part in parts if isinstance(part, nodes.Name)) - self.globals

    def _free(self, tree: nodes.Template, parts: Parts) -> frozenset[str]:
        """What jinja2.meta tells by compiling the tree. Unknown filters and tests pass: it stops at the first."""
        for part in parts:
            if isinstance(part, nodes.Filter):
                self._jinja.filters.setdefault(part.name, str)
            elif isinstance(part, nodes.Test):
                self._jinja.tests.setdefault(part.name, _anything)
        return frozenset(meta.find_undeclared_variables(tree))


def _anything(_value: object) -> bool:
    return True


def _binds_nothing(parts: Parts) -> bool:
    """Whether every name comes from outside: no loop, assignment, macro, import or block."""
    return all(isinstance(part, nodes.Output | nodes.If) for part in parts if isinstance(part, nodes.Stmt))


def _names(parts: Parts, free: frozenset[str]) -> Iterator[Named]:
    forgiven = {id(node) for node in _forgiven(parts)}
    for name in _of(nodes.Name, parts):
        if name.ctx == "load" and name.name in free and id(name) not in forgiven:
            yield Named("", name.name, name.lineno)
    for look in parts:
        named = _looked_up(look)
        if named is not None and named.owner in free and id(look) not in forgiven:
            yield named
    for call in _of(nodes.Call, parts):
        if (
            isinstance(call.node, nodes.Name)
            and call.node.name in {"secret", "login"}
            and len(call.args) == 1
        ):
            yield from (
                Named(call.node.name, str(arg.value), call.lineno)
                for arg in call.args
                if isinstance(arg, nodes.Const)
            )
    for use in _of(nodes.Filter, parts):
        yield Named("filter", use.name, use.lineno)
    for test in _of(nodes.Test, parts):
        yield Named("test", test.name, test.lineno)
    for include in parts:
        if isinstance(include, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
            source = include.template
            if isinstance(source, nodes.Const) and not getattr(include, "ignore_missing", False):
                yield Named("template", str(source.value), include.lineno)


def _of(kind: type[_Node], parts: Parts) -> Iterator[_Node]:
    return (part for part in parts if isinstance(part, kind))


def _looked_up(node: nodes.Node) -> Named | None:
    """vars.name and vars['name'], for what is looked into; methods such as vars.items() are none."""
    if not isinstance(node, nodes.Getattr | nodes.Getitem) or not isinstance(node.node, nodes.Name):
        return None
    if node.node.name not in _LOOKED_INTO:
        return None
    if isinstance(node, nodes.Getattr):
        return None if node.attr in _OF_MAPPINGS else Named(node.node.name, node.attr, node.lineno)
    if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        return Named(node.node.name, node.arg.value, node.lineno)
    return None


def _forgiven(parts: Parts) -> Iterator[nodes.Node]:
    for test in _of(nodes.Test, parts):
        if test.name in _FORGIVING_TESTS:
            yield test.node
    for use in _of(nodes.Filter, parts):
        if use.name in _FORGIVING_FILTERS and use.node is not None:
            yield use.node
