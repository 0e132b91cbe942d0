from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from tests.effort import tries
from tests.unit.render.compose_binary import config
from tests.unit.render.fleets import fleet_of, host_of

from opsctl.render.compose import compose_file, doubled, read_compose
from opsctl.render.yaml_text import dump
from opsctl.state.desired import DesiredHost
from opsctl.state.fingerprint import fingerprint, network_hash

KEY = b"k" * 32
SERVICES: dict[str, dict[str, Any]] = {
    "db": {"volumes": ["data:/data"], "healthcheck": {"test": "ready || exit $?"}},
    "api": {"env": {"A": "1"}, "depends_on": {"db": {"condition": "service_healthy", "restart": True}}},
    "shell": {"start": "on_demand", "depends_on": ["api"]},
    "web": {"depends_on": ["api", "shell"], "networks": ["front", "default"]},
}


def host(**changes: Any) -> DesiredHost:
    services = {name: {**raw, **changes.get(name, {})} for name, raw in SERVICES.items()}
    networks = {"front": {"labels": ["team=a$b"]}, "outer": {"external": True}}
    return host_of(fleet_of(services, networks=networks, volumes={"data": {"driver": "local"}}))


def document(**arguments: Any) -> dict[str, Any]:
    return read_compose(compose_file(host(), KEY, **arguments))


def test_services_carry_their_fingerprints_beside_their_own_labels_and_nothing_else() -> None:
    desired = host(api={"labels": ["a=b", "c"]})

    labels = read_compose(compose_file(desired, KEY))["services"]["api"]["labels"]

    assert labels == {"a": "b", "c": "", **fingerprint(desired, desired.services["api"], KEY).labels()}


def test_networks_carry_the_hash_of_their_definition_the_implied_one_too() -> None:
    networks = document()["networks"]

    label = "opsctl.definition-hash"
    assert networks["default"] == {"labels": {label: network_hash({})}}
    assert networks["front"]["labels"] == {
        "team": "a$$b",
        label: network_hash({"labels": {"team": "a$b"}}),
    }


def test_an_external_network_is_left_without_labels_and_volumes_are_never_labelled() -> None:
    read = document()

    assert read["networks"]["outer"] == {"external": True}
    assert read["volumes"] == {"data": {"driver": "local"}}


def test_every_dollar_of_every_value_is_doubled_and_keys_are_left() -> None:
    desired = host(api={"command": ["a$b", "{{ '$$' }}"], "labels": {"$key": "${x}"}})

    api = read_compose(compose_file(desired, KEY))["services"]["api"]

    assert api["command"] == ["a$$b", "$$$$"]
    assert api["labels"]["$key"] == "$${x}"


@pytest.mark.compose
@tries(4)
@given(texts=st.lists(st.text("$${}aA_:-? ", max_size=6), min_size=40, max_size=60))
def test_compose_reads_back_what_was_doubled(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    labels = {f"${index}k$": text for index, text in enumerate(texts)}
    asked = {"name": "x", "services": {"s": {"image": "a", "command": texts, "labels": labels}}}

    read = config(tmp_path_factory.mktemp("dollars"), compose_yml=dump(doubled(asked)))["services"]["s"]

    assert (read["command"], read["labels"]) == (texts, labels)


def test_the_same_host_gives_the_same_bytes_whatever_the_order_it_was_written_in() -> None:
    backwards = host_of(
        fleet_of(
            dict(reversed(SERVICES.items())),
            networks={"outer": {"external": True}, "front": {"labels": {"team": "a$b"}}},
            volumes={"data": {"driver": "local"}},
        )
    )

    assert compose_file(backwards, KEY) == compose_file(host(), KEY)


def test_another_key_changes_nothing_but_the_fingerprints() -> None:
    one, other = document(), read_compose(compose_file(host(), b"x" * 32))

    for name in one["services"]:
        assert one["services"][name].pop("labels") != other["services"][name].pop("labels")
    assert one == other


def test_what_is_started_on_demand_has_a_profile_and_is_required_by_nobody() -> None:
    services = document()["services"]

    assert services["shell"]["profiles"] == ["on_demand"]
    assert services["web"]["depends_on"]["shell"] == {"condition": "service_started", "required": False}
    assert services["web"]["depends_on"]["api"] == {"condition": "service_started"}


def test_what_is_held_has_a_profile_and_is_required_by_nobody() -> None:
    services = document(held=frozenset({"db"}))["services"]

    assert services["db"]["profiles"] == ["held"]
    assert services["api"]["depends_on"]["db"] == {
        "condition": "service_healthy",
        "required": False,
        "restart": True,
    }


def test_holding_changes_no_fingerprint() -> None:
    free, held = document(), document(held=frozenset({"db"}))

    assert {name: entry["labels"] for name, entry in free["services"].items()} == {
        name: entry["labels"] for name, entry in held["services"].items()
    }


def test_kept_services_stay_as_they_are_on_the_host_also_those_no_longer_wanted() -> None:
    kept = {
        "api": {"image": "app:0", "command": "echo $$HOME", "labels": {"opsctl.env-hash": "e"}},
        "gone": {
            "image": "gone:1",
            "depends_on": {"lost": {"condition": "service_started"}},
            "networks": ["old"],
        },
    }

    read = document(
        keep=kept, keep_networks={"old": {"driver": "bridge"}}, keep_volumes={"data": {"driver": "x"}}
    )

    assert read["services"]["api"] == kept["api"]
    assert read["services"]["gone"]["image"] == "gone:1"
    assert read["services"]["gone"]["depends_on"]["lost"]["required"] is False
    assert read["services"]["db"]["image"] == "app:1"
    assert read["networks"]["old"] == {"driver": "bridge"}
    assert read["volumes"] == {"data": {"driver": "x"}}


def test_a_kept_service_is_held_and_let_go_as_the_rest() -> None:
    kept = {"db": {"image": "db:1", "profiles": ["held"]}, "api": {"image": "api:1", "depends_on": ["db"]}}

    let_go = document(keep=kept)["services"]
    held = document(keep=kept, held=frozenset({"db"}))["services"]

    assert "profiles" not in let_go["db"]
    assert let_go["api"]["depends_on"] == {"db": {"condition": "service_started"}}
    assert held["db"]["profiles"] == ["held"]
    assert held["api"]["depends_on"]["db"]["required"] is False


def test_what_was_read_and_kept_is_written_again_byte_for_byte() -> None:
    written = compose_file(host(), KEY)
    read = read_compose(written)

    again = compose_file(
        host(), KEY, keep=read["services"], keep_networks=read["networks"], keep_volumes=read["volumes"]
    )

    assert again == written


def test_it_says_who_wrote_it_and_is_yaml_for_ruamel_too() -> None:
    data = compose_file(host(), KEY)

    assert data.startswith(b"# Written by opsctl")
    assert YAML(typ="safe", pure=True).load(data.decode())["name"] == "demo"


@pytest.mark.compose
def test_compose_accepts_it_and_understands_what_is_held(tmp_path: Path) -> None:
    desired = host()
    (tmp_path / "env").mkdir()
    for name, content in desired.env_files.items():
        (tmp_path / "env" / f"{name}.env").write_bytes(content)

    read = config(tmp_path, compose_yml=compose_file(desired, KEY, held=frozenset({"db"})))

    assert sorted(read["services"]) == ["api", "web"], (
        "held and on-demand services are left alone by a typed up"
    )
    assert read["services"]["api"]["environment"] == {"A": "1"}


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"\xff", "UTF-8"),
        (b"[1]", "mapping"),
        (b"services: [a]\n", "mapping"),
        (b"a: 'x\n", "line"),
        (b"a: 1\n b: 2\n", "line 2"),
        (b"\0", "YAML"),
    ],
)
def test_nonsense_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_compose(data)


def test_an_empty_section_reads_as_empty() -> None:
    assert read_compose(b"services:\n  a:\nvolumes:\n") == {
        "services": {"a": {}},
        "networks": {},
        "volumes": {},
    }
