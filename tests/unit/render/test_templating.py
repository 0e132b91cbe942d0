"""What templates cost: each text is compiled once in a process, whoever renders it."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2.environment import Environment

from opsctl.errors import InputError
from opsctl.model.fleet import Place
from opsctl.render.templating import COMPOSE_TEMPLATE, Templates

HERE = Place("stacks/apps.yml", 1)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The names of the templates that are compiled from now on."""
    names: list[str | None] = []
    whole = Environment.compile

    def counting(self: Environment, source: Any, name: str | None = None, *more: Any, **ways: Any) -> Any:
        names.append(name)
        return whole(self, source, name, *more, **ways)

    monkeypatch.setattr(Environment, "compile", counting)
    return names


def shown(text: str, name: str = "of-test-templating", **context: str) -> str:
    return Templates({name: text.encode()}).file(name, context, HERE)


def test_a_text_is_compiled_once_and_rendered_with_what_each_is_given(compiled: list[str | None]) -> None:
    assert shown("once: {{ who }}", who="ann") == "once: ann"
    assert shown("once: {{ who }}", who="bob") == "once: bob"
    assert compiled == ["of-test-templating"]


def test_another_text_under_the_same_name_is_another_template(compiled: list[str | None]) -> None:
    assert shown("first: {{ who }}", who="ann") == "first: ann"
    assert shown("second: {{ who }}", who="ann") == "second: ann"
    assert shown("first: {{ who }}", who="ann") == "first: ann"
    assert compiled == ["of-test-templating"] * 2


def test_an_error_in_a_kept_template_names_the_file_and_the_line() -> None:
    for _ in range(2):
        with pytest.raises(InputError, match=r"templates/of-test-templating:2: .*'nobody'"):
            shown("a\n{{ nobody }}\n")


def test_the_shipped_template_is_kept_too(compiled: list[str | None]) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match="compose"):
            Templates({}).file(COMPOSE_TEMPLATE, {}, HERE)
    assert compiled.count(COMPOSE_TEMPLATE) <= 1
