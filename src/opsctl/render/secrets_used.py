"""Which secrets a template asks for by secret() or login(), read from its syntax tree; imports Jinja."""

from __future__ import annotations

from collections.abc import Mapping

import jinja2
from jinja2 import meta, nodes

from opsctl.errors import InputError, Problem
from opsctl.model.fleet import Place
from opsctl.render.templating import Templates, is_template

_ASKING = frozenset({"secret", "login"})


class SecretFinder:
    """Finds the names in texts and templates; a template that is used often is read once."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self._templates = Templates(sources)
        self._found: dict[str, frozenset[str]] = {}

    def in_text(self, text: str, place: Place) -> frozenset[str]:
        return self._names(text, None, place) if is_template(text) else frozenset()

    def in_template(self, name: str) -> frozenset[str]:
        """Of a template and all that it includes, extends or imports."""
        if name not in self._found:
            self._found[name] = frozenset()  # ends a circle of includes
            try:
                source = self._templates.source(name)
            except jinja2.TemplateNotFound:
                return frozenset()  # told by the rendering, with the nearest name
            self._found[name] = self._names(source, name, Place(f"templates/{name}", 0))
        return self._found[name]

    def _names(self, source: str, name: str | None, place: Place) -> frozenset[str]:
        try:
            tree = self._templates.jinja.parse(source, name)
        except jinja2.TemplateSyntaxError:
            return frozenset()  # told by the rendering, with its line
        found: set[str] = set()
        called = set()
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in _ASKING:
                called.add(call.node)
                found.add(_constant(call, call.node.name, name, place))
        for use in tree.find_all(nodes.Name):
            if use.name in _ASKING and use.ctx == "load" and not any(use is node for node in called):
                message = f"{use.name} is only known as a call: {use.name}('name')"
                raise _problem(use.lineno, name, place, message)
        for other in meta.find_referenced_templates(tree):
            if other is None:
                message = "the name of an included template is computed, so its secrets cannot be known"
                raise _problem(0, name, place, message, "include it by a constant name")
            found |= self.in_template(other)
        return frozenset(found)


def _constant(call: nodes.Call, asking: str, name: str | None, place: Place) -> str:
    if len(call.args) == 1 and not call.kwargs and isinstance(call.args[0], nodes.Const):
        value = call.args[0].value
        if isinstance(value, str):
            return value
    message = f"{asking}() takes one constant name, so that it is known beforehand which secrets are needed"
    raise _problem(call.lineno, name, place, message, f"write {asking}('name')")


def _problem(line: int, name: str | None, place: Place, message: str, hint: str = "") -> InputError:
    if name is None:
        return InputError([Problem(place.file, place.line, message, hint)])
    return InputError([Problem(f"templates/{name}", line, message, hint)])
