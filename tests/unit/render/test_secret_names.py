from __future__ import annotations

from typing import Any

import pytest
from tests.unit.render.fleets import fleet_of

from opsctl.errors import InputError
from opsctl.model.fleet import Place
from opsctl.render.secret_uses import secret_names


def test_names_are_found_in_references_texts_and_templates_of_any_depth() -> None:
    templates = {
        "a.j2": "{% extends 'base.j2' %}{% block x %}{{ secret('in_block') | b64encode }}{% endblock %}",
        "base.j2": "{% include ['part.j2', 'a.j2'] %}{% if false %}{{ secret('never_run') }}{% endif %}",
        "part.j2": "{% from 'macro.j2' import m %}",
        "macro.j2": "{% macro m(s) %}{{ secret(name='x') if false }}{% endmacro %}".replace(
            "name='x'", "'in_macro'"
        ),
        "unused.j2": "{{ secret('unused') }}",
    }
    services = {
        "app": {
            "env": {
                "A": {"secret": "whole"},
                "B": "x{{ secret('in_text') }}{{ secret('again') }}",
                "C": "secret('no')",
            },
            "files": [
                {"target": "/a", "template": "a.j2"},
                {"target": "/b", "content": "{{ secret('in_content') }}"},
                {"target": "/c", "source": "unused.j2"},
            ],
        }
    }

    names = secret_names(fleet_of(services, templates=templates), "prod")

    assert names == {"whole", "in_text", "again", "in_block", "never_run", "in_macro", "in_content"}


@pytest.mark.parametrize(
    "text, message",
    [
        ("{{ secret(vars.x) }}", "secret() takes one constant name"),
        ("{{ secret('a' ~ env) }}", "secret() takes one constant name"),
        ("{{ secret('a', 'b') }}", "secret() takes one constant name"),
        ("{{ secret(name='a') }}", "secret() takes one constant name"),
        ("{{ ['a'] | map(secret) }}", "secret is only known as a call"),
        ("{% set s = secret %}{{ s('a') }}", "secret is only known as a call"),
        ("{% include vars.x %}", "the name of an included template is computed"),
    ],
)
def test_what_cannot_be_known_beforehand_is_refused_with_its_line(text: str, message: str) -> None:
    services = {"app": {"files": [{"target": "/a", "template": "a.j2"}]}}

    with pytest.raises(InputError) as in_template:
        secret_names(fleet_of(services, templates={"a.j2": f"\n{text}"}), "prod")
    with pytest.raises(InputError) as in_text:
        secret_names(
            fleet_of({"app": {"env": {"A": text}}}, places={("stacks", "apps"): Place("stacks/apps.yml", 4)}),
            "prod",
        )

    assert str(in_template.value).startswith("templates/a.j2")
    assert message in str(in_template.value)
    assert str(in_text.value).startswith(f"stacks/apps.yml:4: {message}")


def test_a_template_that_is_broken_or_missing_is_left_to_the_rendering() -> None:
    services: dict[str, dict[str, Any]] = {
        "app": {"files": [{"target": "/a", "template": "a.j2"}, {"target": "/b", "template": "missing.j2"}]},
        "other": {"env": {"A": "{{ secret('found') }}", "B": "{{ if"}},
    }

    assert secret_names(fleet_of(services, templates={"a.j2": "{{ x"}), "prod") == {"found"}
