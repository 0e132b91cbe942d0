"""Contexts as they are sent, bases with their digests, and what makes another image of a build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.images.pictures import ARM, digest, entry, lock
from tests.unit.render.fleets import fleet_of, host_of

from opsctl.errors import InputError
from opsctl.flows.pins.inventory import inventory
from opsctl.flows.transfer.planning import wanted_images
from opsctl.model.fleet import Fleet
from opsctl.render.image_uses import image_uses
from opsctl.rules.images import unfit, without_digest
from opsctl.rules.subject import Subject
from opsctl.state.desired import Desired, DesiredBuild, DesiredService

HELD = lock(debian=entry(1, "13"), tool=entry(2, "5"))
DOCKERFILE = """\
ARG V=12
FROM debian:$V AS base
ARG DEEP
COPY --from=tool:5 /tool /tool
FROM base
COPY run.sh /bin/run
"""
FILES: Mapping[str, str | bytes] = {
    "box/Dockerfile": DOCKERFILE,
    "box/run.sh": "#!/bin/sh\n",
    "box/etc/town.j2": "{{ vars.town }}\n",
    "box/logo.png": b"\x89PNG\xff",
    "other/x": "not sent",
    "boxes": "not sent",
}


def fleet(raw: Any = None, files: Mapping[str, str | bytes] | None = None, **more: Any) -> Fleet:
    build = {"context": "box", "args": {"V": "{{ vars.debian }}"}} if raw is None else raw
    settings: dict[str, Any] = {"variables": {"town": "Ulm", "debian": 13}, "lock": HELD, **more}
    return fleet_of({"box": {"build": build}}, templates=FILES if files is None else files, **settings)


def service(found: Fleet | None = None) -> DesiredService:
    return host_of(found or fleet()).services["box"]


def built(found: Fleet | None = None) -> DesiredBuild:
    made = service(found).build
    assert made
    return made


def contents(made: DesiredBuild) -> dict[str, bytes]:
    return {one.path: one.content for one in made.files}


def problem(found: Fleet) -> str:
    with pytest.raises(InputError) as caught:
        host_of(found)
    return str(caught.value)


def test_the_context_is_rendered_and_bases_get_their_digests() -> None:
    made = built()

    assert contents(made) == {
        "Dockerfile": DOCKERFILE.replace("debian:$V", f"debian:13@{digest(1)}")
        .replace("tool:5", f"tool:5@{digest(2)}")
        .encode(),
        "etc/town": b"Ulm\n",
        "logo.png": b"\x89PNG\xff",
        "run.sh": b"#!/bin/sh\n",
    }
    assert [(one.image, one.digest, str(one.place)) for one in made.bases] == [
        ("debian:13", digest(1), "templates/box/Dockerfile:2"),
        ("tool:5", digest(2), "templates/box/Dockerfile:4"),
    ]


def test_a_service_runs_the_image_by_its_name_and_never_pulls_it() -> None:
    found = service()
    assert found.build
    assert found.image == found.definition["image"] == f"opsctl.local/demo/box:{found.build.hash[:12]}"
    assert found.definition["pull_policy"] == "never"
    assert found.asked_image == found.image


def test_what_has_no_digest_stays_as_it_is_written() -> None:
    made = built(fleet(files={"box/Dockerfile": "FROM alpine:3\nFROM scratch\n"}))
    assert contents(made)["Dockerfile"] == b"FROM alpine:3\nFROM scratch\n"
    assert [(one.pinned, one.digest) for one in made.bases] == [("alpine:3", "")]


def test_a_host_that_pulls_nothing_builds_on_what_was_pushed() -> None:
    found = fleet(pushed=True)
    assert f"FROM debian:13-sha256-{digest(1)[7:19]} AS base".encode() in contents(built(found))["Dockerfile"]
    names = [one.name for one in wanted_images(host_of(found))]
    assert names == [f"{image}-sha256-{digest(at)[7:19]}" for at, image in ((1, "debian:13"), (2, "tool:5"))]


def test_services_with_the_same_build_share_an_image_and_others_do_not() -> None:
    build = {"context": "box", "args": {"V": "13"}}
    services = {"a": {"build": build}, "b": {"build": build}, "c": {"build": {**build, "target": "base"}}}
    host = host_of(fleet_of(services, templates=FILES, variables={"town": "Ulm"}))
    images = [one.image for one in host.services.values()]
    assert images[0] == images[1] != images[2]


def test_other_services_can_name_the_image() -> None:
    build = {"context": "box", "args": {"V": "13"}}
    services: dict[str, dict[str, Any]] = {
        "box": {"build": build},
        "a": {"env": {"IMAGE": "{{ services.box.image }}"}},
    }
    host = host_of(fleet_of(services, templates=FILES, variables={"town": "Ulm"}))
    assert host.services["a"].env["IMAGE"] == host.services["box"].image


@pytest.mark.parametrize(
    "context,name", [("box", "box"), ("apps/Box 1", "apps/box-1"), ("a__b", "a__b"), ("-x.", "x"), ("ü", "x")]
)
def test_a_folder_becomes_a_name_that_the_engine_takes(context: str, name: str) -> None:
    made = built(fleet(context, {f"{context}/Dockerfile": "FROM scratch\n"}))
    assert made.image == f"opsctl.local/demo/{name}:{made.hash[:12]}"


def test_what_dockerignore_names_is_not_sent_and_makes_no_other_image() -> None:
    plain = {"box/Dockerfile": "FROM scratch\n", "box/.dockerignore": "**/*.md\nDockerfile\n", "box/a": "a"}
    made, more = (built(fleet("box", files)) for files in (plain, {**plain, "box/docs/x.md": "x"}))
    assert set(contents(made)) == {"Dockerfile", ".dockerignore", "a"}
    assert made == more


@pytest.mark.parametrize(
    "text,message",
    [
        ("FROM debian:{{ secret('api_key') }}", "secret() cannot be used in a build"),
        (
            "FROM debian:${V}",
            "templates/box/Dockerfile.j2:1 builds on debian:${V}, and nothing says which image",
        ),
        ("FROM De:bian:1", "templates/box/Dockerfile.j2:1: 'De:bian:1' is not the name of an image"),
        ("FROM opsctl.local/demo/a:1", "a build cannot begin with an image that opsctl builds"),
        ("FROM {{ services.a.image }}", "services cannot be used"),
    ],
)
def test_what_cannot_be_built(text: str, message: str) -> None:
    said = problem(fleet("box", {"box/Dockerfile.j2": f"{text}\n"}))
    assert message in said
    assert "key-0123456789" not in said


def test_a_dockerfile_is_text() -> None:
    assert "is not UTF-8 text" in problem(fleet("box", {"box/Dockerfile": b"FROM \xff"}))


def test_bases_are_known_with_their_arguments_to_whoever_pins() -> None:
    found = fleet(lock=lock(debian=entry(1, "13")))
    desired = Desired("prod", (host_of(found),))
    assert [(one.kind, one.image, str(one.place), one.service) for one in image_uses(found, desired)] == [
        ("dockerfile", "debian:13", "templates/box/Dockerfile:2", "box"),
        ("dockerfile", "tool:5", "templates/box/Dockerfile:4", "box"),
    ]
    assert [one.key for one in inventory(found, [desired]).images] == ["debian:13", "tool:5"]
    assert [one.key for one in inventory(found, []).images] == ["debian:12", "tool:5"]
    (hit,) = without_digest(Subject(found, desired))
    assert (str(hit.place), hit.hint) == ("templates/box/Dockerfile:4", "opsctl pin-images tool:5")
    assert hit.message == "box: tool:5: major version only, and no digest pins it"


def test_a_base_for_another_platform_is_told_of() -> None:
    found = fleet(lock=lock(debian=entry(1, "13", platforms=[ARM]), tool=entry(2, "5")))
    (hit,) = unfit(Subject(found, Desired("prod", (host_of(found),))))
    assert str(hit.place) == "templates/box/Dockerfile:2"
    assert "locked without linux/amd64, which a host needs; it has linux/arm64" in hit.message


def test_what_image_names_in_a_file_of_the_context_is_pinned_and_known() -> None:
    found = fleet(
        "box", {"box/Dockerfile.j2": "FROM {{ image('debian:13') }}\n", "box/a.j2": "{{ image('tool:5') }}"}
    )
    assert contents(built(found))["a"] == f"tool:5@{digest(2)}".encode()
    assert [one.image for one in service(found).mentions] == ["tool:5"]
    assert [one.image for one in built(found).bases] == ["debian:13"]


# What it is made of, and what it is not.

names = st.sampled_from(["a", "b", "sub/a", "sub/b"])
files = st.dictionaries(names, st.binary(max_size=3), max_size=3)
recipes = st.fixed_dictionaries(
    {
        "files": files,
        "run": st.sampled_from(["true", "false"]),
        "args": st.dictionaries(st.sampled_from("AB"), st.sampled_from(["", "1"]), max_size=2),
        "target": st.sampled_from([None, "x"]),
        "executables": st.sets(names, max_size=2),
    }
)


def made_of(recipe: Mapping[str, Any]) -> tuple[DesiredBuild, object]:
    """The build, and all that shall count of the recipe."""
    build = {"context": "box", "args": recipe["args"]} | (
        {"target": recipe["target"]} if recipe["target"] else {}
    )
    sources = {f"box/{name}": content for name, content in recipe["files"].items()}
    executables = {f"box/{name}" for name in recipe["executables"]}
    dockerfile = f"FROM scratch AS x\nRUN {recipe['run']}\n"
    found = fleet(build, {**sources, "box/Dockerfile": dockerfile}, executables=executables)
    counts = {**recipe, "executables": recipe["executables"] & set(recipe["files"])}
    return built(found), counts


@tries(40)
@given(recipes, recipes)
def test_the_hash_is_the_same_for_the_same_and_another_for_anything_else(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> None:
    (first, counts), (second, others) = made_of(one), made_of(other)
    assert (first.hash == second.hash) == (counts == others)
    assert made_of(one)[0] == first


@pytest.mark.parametrize("change", ["lock", "platform", "vars"])
def test_what_comes_from_elsewhere_counts_too(change: str) -> None:
    more: dict[str, Any] = {}
    if change == "lock":
        more["lock"] = lock(debian=entry(9, "13"), tool=entry(2, "5"))
    if change == "vars":
        more["variables"] = {"town": "Bonn", "debian": 13}
    other = fleet(**more)
    if change == "platform":
        host = other.host("web").model_copy(update={"platform": "linux/arm64"})
        other.hosts_file.hosts["web"] = host
    assert built().hash != built(other).hash
