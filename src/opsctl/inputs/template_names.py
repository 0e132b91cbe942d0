"""What a Jinja text names, told from its syntax tree without rendering it. Importing this imports Jinja."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import jinja2
from jinja2 import meta, nodes

from opsctl.render.templating import Templates

# Where a name may be missing: `x is defined`, `x | default(…)`; mandatory has a message of its own.
_FORGIVING_TESTS = frozenset({"defined", "undefined"})
_FORGIVING_FILTERS = frozenset({"default", "d", "mandatory"})
_OF_MAPPINGS = frozenset(name for name in dir(dict) if not name.startswith("_"))
_LOOKED_INTO = ("vars", "hosts", "services", "sites")


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
        self._admit(tree)
        return Reading(tuple(dict.fromkeys(_names(tree))))

    def _admit(self, tree: nodes.Template) -> None:
        """Let unknown filters and tests pass: jinja2.meta stops at the first, and we want all names."""
        for use in tree.find_all(nodes.Filter):
            self._jinja.filters.setdefault(use.name, str)
        for test in tree.find_all(nodes.Test):
            self._jinja.tests.setdefault(test.name, _anything)


def _anything(_value: object) -> bool:
    return True


def _names(tree: nodes.Template) -> Iterator[Named]:
    free = meta.find_undeclared_variables(tree)
    forgiven = {id(node) for node in _forgiven(tree)}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name in free and id(name) not in forgiven:
            yield Named("", name.name, name.lineno)
    for look in tree.find_all((nodes.Getattr, nodes.Getitem)):
        named = _looked_up(look)
        if named is not None and named.owner in free and id(look) not in forgiven:
            yield named
    for call in tree.find_all(nodes.Call):
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
    for kind, owner in ((nodes.Filter, "filter"), (nodes.Test, "test")):
        for use in tree.find_all(kind):
            yield Named(owner, use.name, use.lineno)
    for include in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        source = getattr(include, "template", None)
        if isinstance(source, nodes.Const) and not getattr(include, "ignore_missing", False):
            yield Named("template", str(source.value), include.lineno)


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


def _forgiven(tree: nodes.Template) -> Iterator[nodes.Node]:
    for test in tree.find_all(nodes.Test):
        if test.name in _FORGIVING_TESTS:
            yield test.node
    for use in tree.find_all(nodes.Filter):
        if use.name in _FORGIVING_FILTERS and use.node is not None:
            yield use.node
