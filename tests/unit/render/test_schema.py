from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.unit.render.fleets import fleet_of, host_of

from opsctl.render.compose import compose_file, read_compose
from opsctl.render.schema import compose_spec, schema_problems

CONDITIONS = "service_started, service_healthy, service_completed_successfully"
GOOD: dict[str, Any] = {
    "image": "a",
    "ports": ["80:80"],
    "healthcheck": {"test": ["CMD", "x"]},
    "x-note": {"any": 1},
}


def test_what_opsctl_renders_is_what_the_specification_wants() -> None:
    services = {
        "db": {"volumes": ["data:/data"], "memory": {"limit": "1g"}, "env": {"A": "1"}},
        "app": {
            "depends_on": {"db": {"condition": "service_healthy", "restart": True}},
            "start": "on_demand",
        },
    }
    host = host_of(fleet_of(services, volumes={"data": {}}))

    assert schema_problems(read_compose(compose_file(host, b"k", held=frozenset({"db"})))) == []


@pytest.mark.parametrize(
    "wrong, expected",
    [
        ({"enviroment": {}}, ["services.app: unknown key 'enviroment'"]),
        ({"restart": 3}, ["services.app.restart: must be text"]),
        (
            {"ports": [{"targt": 3}]},
            ["services.app.ports.0: must be a mapping with keys that Compose knows or a number or text"],
        ),
        ({"healthcheck": {"test": 3}}, ["services.app.healthcheck.test: must be a list or text"]),
        ({"healthcheck": {"tst": "x"}}, ["services.app.healthcheck: unknown key 'tst'"]),
        (
            {"depends_on": {"a": {"condition": "healthy"}}},
            [f"services.app.depends_on.a.condition: must be one of {CONDITIONS}"],
        ),
        (
            {"restart": 3, "retires": 1},
            ["services.app.restart: must be text", "services.app: unknown key 'retires'"],
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_path_and_nothing_else(
    wrong: dict[str, Any], expected: list[str]
) -> None:
    assert schema_problems({"services": {"app": {**GOOD, **wrong}}}) == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab:/=${}", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["target", "test", "condition", "a", "x-a"]), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(
    [
        "ports",
        "environment",
        "healthcheck",
        "depends_on",
        "build",
        "volumes",
        "mem_limit",
        "restart",
        "enviroment",
    ]
)


@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_another_reading_of_the_specification_judges_the_same(service: dict[str, Any]) -> None:
    """The reference implementation in Python is another program than the one that opsctl asks."""
    document = {"services": {"app": {"image": "a", **service}}}

    assert (schema_problems(document) == []) == Draft202012Validator(compose_spec()).is_valid(document)


def test_the_top_level_and_networks_are_looked_at_too() -> None:
    assert schema_problems({"servces": {}, "networks": {"a": {"drivr": "x"}}}) == [
        "networks.a: unknown key 'drivr'",
        "the document: unknown key 'servces'",
    ]


def test_no_value_of_the_document_is_quoted() -> None:
    found = schema_problems(
        {"services": {"app": {"image": ["hunter2"], "command": {"a": "hunter2"}, "restart": {}}}}
    )

    assert len(found) == 3
    assert "hunter2" not in " ".join(found)


def test_heavy_packages_are_imported_only_when_they_are_needed() -> None:
    script = (
        "import sys, opsctl.render.fleet, opsctl.render.compose, opsctl.render.schema, opsctl.render.output, "
        "opsctl.render.redact, opsctl.render.memory\n"
        "print([name for name in ('jinja2', 'jsonschema_rs', 'ruamel.yaml', 'check_jsonschema') if name in sys.modules])"
    )

    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
