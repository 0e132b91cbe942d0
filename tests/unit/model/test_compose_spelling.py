"""Every spelling of Compose becomes the one form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.inputs.compose_spec import keys_of
from opsctl.model.compose_spelling import OWN_KEYS, REFUSED, merge, overlaid, spell
from opsctl.model.spelled import Spelled
from opsctl.model.stack import Service
from opsctl.model.yaml_document import read_yaml

AT = ("services", "api")
COMPOSE = Path(sys.executable).parent / "docker-compose"


def spelled(raw: object) -> Spelled:
    return spell(raw, AT, {}, keys_of("service"))


def form(**raw: Any) -> dict[str, Any]:
    found = spelled(raw)
    assert found.faults == []
    return found.form


@pytest.mark.parametrize(
    "env",
    [
        {"env": {"A": "1", "B": "x=y", "C": ""}},
        {"environment": {"A": 1, "B": "x=y", "C": ""}},
        {"env": ["A=1", "B=x=y", "C="]},
        {"environment": ["A=1", "B=x=y", "C="]},
    ],
)
def test_spellings_of_env(env: dict[str, Any]) -> None:
    assert form(**env) == {"env": {"A": "1", "B": "x=y", "C": ""}}


@pytest.mark.parametrize(
    "raw",
    [
        {"memory": {"limit": "1g", "reservation": "512m"}},
        {"mem_limit": "1g", "mem_reservation": "512m"},
        {"deploy": {"resources": {"limits": {"memory": "1g"}, "reservations": {"memory": "512m"}}}},
        {"memory": "1g", "mem_reservation": "512m"},
        {
            "memory": {"limit": "1g"},
            "compose": {"deploy": {"resources": {"reservations": {"memory": "512m"}}}},
        },
        {"mem_limit": "1g", "memory": {"limit": "1024M", "reservation": "512m"}},
    ],
)
def test_spellings_of_memory(raw: dict[str, Any]) -> None:
    service = Service.model_validate({"image": "x", **form(**raw)})
    assert (service.memory.limit, service.memory.reservation) == (1024**3, 512 * 1024**2)
    assert service.compose == {}


def test_what_else_is_in_deploy_stays() -> None:
    deploy = {"mode": "global", "resources": {"limits": {"memory": "1g", "cpus": "2"}}}
    kept = {"mode": "global", "resources": {"limits": {"cpus": "2"}}}
    assert form(deploy=deploy)["compose"] == {"deploy": kept}


@pytest.mark.parametrize("value", [["db"], {"db": None}, {"db": {}}, {"db": {"required": True}}])
def test_spellings_of_depends_on(value: object) -> None:
    assert form(depends_on=value) == {"depends_on": {"db": {}}}


def test_origins_lead_back_to_what_was_written() -> None:
    found = spelled({"environment": ["A=1"], "mem_limit": "1g", "ports": ["80:80"], "compose": {"new": 1}})
    assert found.origins["env", "A"] == (*AT, "environment", 0)
    assert found.origins["memory", "limit"] == (*AT, "mem_limit")
    assert found.origins["compose", "ports"] == (*AT, "ports")
    assert found.origins["compose", "new"] == (*AT, "compose", "new")


def test_raw_keys_may_be_unknown_to_compose_as_we_know_it() -> None:
    assert form(compose={"brand_new": [1]}) == {"compose": {"brand_new": [1]}}


@pytest.mark.parametrize("key", sorted(REFUSED))
def test_refused_keys_say_what_to_write_instead(key: str) -> None:
    (fault,) = spelled({key: "x"}).faults
    assert (fault.path, fault.hint) == ((*AT, key), REFUSED[key])


def test_every_key_of_compose_is_ours_refused_folded_or_passed_through() -> None:
    folded = {"environment", "mem_limit", "mem_reservation", "deploy", "depends_on", "image", "build"}
    passed = keys_of("service") - REFUSED.keys() - folded
    assert not passed & OWN_KEYS
    assert form(**dict.fromkeys(passed, "x")) == {"compose": dict.fromkeys(passed, "x")}


@pytest.mark.parametrize(
    "build,expected",
    [
        ("./box/", {"context": "box"}),
        ({"context": "./a/b", "dockerfile": "./x"}, {"context": "a/b", "dockerfile": "x"}),
        (
            {"context": "a", "args": {"A": 1, "B": True, "C": "c"}},
            {"context": "a", "args": {"A": "1", "B": "true", "C": "c"}},
        ),
        ({"context": "a", "args": ["A=1=2", "B="]}, {"context": "a", "args": {"A": "1=2", "B": ""}}),
        ({"context": "a", "x-note": 1}, {"context": "a"}),
    ],
)
def test_spellings_of_build(build: Any, expected: dict[str, Any]) -> None:
    assert form(build=build) == {"build": expected}


@pytest.mark.parametrize(
    "before,over,after",
    [
        ({"image": "a"}, {"build": {"context": "b"}}, {"build": {"context": "b"}}),
        ({"build": {"context": "b"}}, {"image": "a"}, {"image": "a"}),
        (
            {"build": {"context": "b", "args": {"A": "1"}}},
            {"build": {"args": {"B": "2"}}},
            {"build": {"context": "b", "args": {"A": "1", "B": "2"}}},
        ),
        ({"image": "a"}, {"env": {}}, {"image": "a", "env": {}}),
    ],
)
def test_an_override_changes_a_build_or_stands_in_for_it(
    before: dict[str, Any], over: dict[str, Any], after: dict[str, Any]
) -> None:
    assert overlaid(before, over) == after


def test_own_keys_are_the_fields_of_the_model() -> None:
    assert set(Service.model_fields) == OWN_KEYS


plain = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
)
mappings = st.dictionaries(st.sampled_from("abc"), plain, max_size=3)


@given(mappings, mappings)
def test_merging_keeps_all_keys_and_the_later_leaves(one: dict[str, Any], two: dict[str, Any]) -> None:
    merged = merge(one, two)
    assert set(merged) == {*one, *two}
    for key, value in two.items():
        if isinstance(value, dict) and isinstance(one.get(key), dict):
            assert merged[key] == merge(one[key], value)
        else:
            assert merged[key] == value


@given(mappings)
def test_merging_with_itself_or_nothing_changes_nothing(one: dict[str, Any]) -> None:
    assert merge(one, one) == merge(one, {}) == merge({}, one) == one


NUMBERS = [
    "0",
    "1",
    "8080",
    "-5",
    "+5",
    "022",
    "08",
    "0x1F",
    "0o17",
    "1_000",
    "1.0",
    "1.5",
    "0.5",
    ".5",
    "1.10",
    "1e3",
    "0.00001",
    "0.0001",
    "123456.5",
    "1234567.5",
    "1e21",
    "12345678901234567890",
    "123456789012345678901234567890",
    "true",
    "False",
]


@pytest.mark.compose
def test_numbers_are_passed_on_as_the_real_compose_does_or_refused(tmp_path: Path) -> None:
    lines = "".join(f"      K{index}: {text}\n" for index, text in enumerate(NUMBERS))
    file = tmp_path / "compose.yml"
    file.write_text(f"name: x\nservices:\n  api:\n    image: x\n    environment:\n{lines}")
    done = subprocess.run(
        [COMPOSE, "-f", str(file), "config", "--format", "json"], check=True, capture_output=True
    )
    real = json.loads(done.stdout)["services"]["api"]["environment"]
    document = read_yaml("compose.yml", file.read_bytes())
    found = spell(document.value["services"]["api"], AT, document.written, keys_of("service"))
    refused = {fault.path[-1] for fault in found.faults}
    ours = found.form["env"]
    assert ours == {key: text for key, text in real.items() if key not in refused}
    assert [NUMBERS[int(str(key)[1:])] for key in sorted(ours, key=lambda key: int(key[1:]))] == [
        "0", "1", "8080", "-5", "1.5", "0.5", "0.0001", "123456.5", "12345678901234567890", "true", "False"
    ]  # fmt: skip
