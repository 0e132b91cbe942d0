"""Pinned images in what is rendered: services, the compose template, image(), hosts that pull nothing; and refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.images.pictures import ARM, digest, entry, lock
from tests.unit.render.fleets import fleet_of, host_of

from opsctl.errors import InputError
from opsctl.model.fleet import Fleet, Place
from opsctl.model.lock import Lock
from opsctl.render.image_uses import dockerfile_uses, image_uses
from opsctl.rules.images import unfit, without_digest
from opsctl.rules.subject import Subject
from opsctl.state.desired import Desired, DesiredService

HELD = lock(app=entry(1), sandbox=entry(2, "slim"))
PLACES: dict[tuple[str | int, ...], Place] = {
    ("stacks", "apps"): Place("stacks/apps.yml", 0),
    ("stacks", "apps", "services", "app", "image"): Place("stacks/apps.yml", 3),
    ("stacks", "apps", "services", "app", "env", "BOX_IMAGE"): Place("stacks/apps.yml", 7),
    ("vars", "tag"): Place("hosts.toml", 5),
}


def fleet(raw: dict[str, Any], held: Lock = HELD, **more: Any) -> Fleet:
    return fleet_of({"app": raw}, lock=held, places=PLACES, **more)


def service(raw: dict[str, Any], **more: Any) -> DesiredService:
    return host_of(fleet(raw, **more)).services["app"]


def unpinned(found: Fleet) -> list[str]:
    """What an environment that requires pins is refused for: place, message and hint of each."""
    hits = without_digest(Subject(found, Desired("prod", (host_of(found),))))
    return [f"{hit.place}: {hit.message}; {hit.hint}" for hit in hits]


def uses(found: Fleet) -> list[tuple[str, str, str]]:
    desired = Desired("prod", (host_of(found),))
    return [(one.kind, one.image, one.places) for one in image_uses(found, desired)]


def test_a_service_runs_tag_and_digest_and_knows_what_was_written() -> None:
    one = service({"image": "app:1"})
    assert one.image == one.definition["image"] == f"app:1@{digest(1)}"
    assert (one.digest, one.asked_image, one.image_place) == (digest(1), "app:1", Place("stacks/apps.yml", 3))


@pytest.mark.parametrize(
    "written,runs",
    [
        ("docker.io/library/app:1", f"docker.io/library/app:1@{digest(1)}"),
        ("app", "app"),
        ("app:2", "app:2"),
        (f"app:1@{digest(9)}", f"app:1@{digest(9)}"),
        (f"app@{digest(9)}", f"app@{digest(9)}"),
        ("opsctl.local/demo/app:1", "opsctl.local/demo/app:1"),
        ("{{ vars.name }}:{{ vars.tag }}", f"app:1@{digest(1)}"),
    ],
)
def test_the_written_name_stays_and_a_written_digest_counts(written: str, runs: str) -> None:
    assert service({"image": written}, variables={"name": "app", "tag": "1"}).image == runs


def test_no_tag_is_pinned_as_latest() -> None:
    assert service({"image": "app"}, held=lock(app=entry(1, "latest"))).image == f"app:latest@{digest(1)}"


def test_a_host_that_pulls_nothing_runs_the_name_under_which_images_are_pushed() -> None:
    one = service({"image": "app:1"}, pushed=True)
    assert one.image == "app:1-sha256-000000000000"
    assert one.digest == digest(1)


def test_what_is_no_image_is_a_problem_of_its_line() -> None:
    with pytest.raises(InputError, match=r"stacks/apps.yml:3: 'App:1' is not the name of an image"):
        service({"image": "App:1"})


def test_the_compose_template_has_the_last_word_and_is_pinned_too() -> None:
    template = "services:\n  app:\n    image: sandbox:slim\n"
    one = service({"image": "app:1"}, templates={"compose.yml.j2": template})
    assert one.image == f"sandbox:slim@{digest(2)}"
    assert one.image_place.file == "templates/compose.yml.j2"


def test_image_pins_in_files_variables_and_commands() -> None:
    one = service(
        {
            "env": {"BOX": "{{ image('sandbox:slim') }}"},
            "command": ["run", "{{ image('sandbox:slim') }}"],
            "files": [{"target": "/etc/a.json", "template": "a.json.j2"}],
        },
        templates={
            "a.json.j2": '{\n "image": "{{ image(\'sandbox:slim\') }}",\n "other": "{{ image(\'new:1\') }}"\n}'
        },
    )
    pinned = f"sandbox:slim@{digest(2)}"
    assert one.env["BOX"] == pinned
    assert one.definition["command"] == ["run", pinned]
    assert pinned.encode() in one.files[0].content
    assert {(mention.image, mention.digest) for mention in one.mentions} == {
        ("sandbox:slim", digest(2)),
        ("new:1", ""),
    }


def test_image_refuses_what_is_no_image_at_the_line_of_the_template() -> None:
    with pytest.raises(InputError, match=r"templates/a.j2:2: .*not the name of an image"):
        service(
            {"files": [{"target": "/a", "template": "a.j2"}]}, templates={"a.j2": "x\n{{ image('No') }}\n"}
        )


def test_every_use_has_its_file_and_line() -> None:
    found = fleet(
        {
            "image": "app:{{ vars.tag }}",
            "env": {"BOX_IMAGE": "box:1.2.3"},
            "files": [
                {"target": "/a.json", "template": "a.json.j2"},
                {"target": "/b.yml", "content": "image: loose:1.0.0\n"},
            ],
        },
        variables={"tag": "nightly"},
        templates={"a.json.j2": '{# x #}\n{\n"image": "hidden:latest",\n"b": "{{ image(\'named:1\') }}"\n}'},
    )
    assert uses(found) == [
        ("service", "app:nightly", "stacks/apps.yml:3 (hosts.toml:5)"),
        ("mention", "named:1", "templates/a.json.j2:4"),
        ("found", "box:1.2.3", "stacks/apps.yml:7"),
        ("found", "hidden:latest", "templates/a.json.j2:3"),
        ("found", "loose:1.0.0", "stacks/apps.yml"),
    ]


def test_dockerfiles_are_read_for_what_they_build_on() -> None:
    found = fleet(
        {}, templates={"box/Dockerfile": "FROM debian:13 AS a\nFROM a\n", "x/not.txt": "FROM nothing:1\n"}
    )
    (one,) = dockerfile_uses(found)
    assert (one.image, str(one.place), one.kind) == ("debian:13", "templates/box/Dockerfile:1", "dockerfile")


def test_an_environment_that_requires_pins_is_told_of_each_loose_image_with_its_line() -> None:
    found = fleet(
        {
            "image": "app:nightly",
            "env": {
                "BOX_IMAGE": "box:1.2.3",
                "A": "{{ image('new:1.0.0') }}",
                "B": "{{ image('sandbox:slim') }}",
            },
        }
    )
    told = unpinned(found)
    assert len(told) == 3
    assert any("stacks/apps.yml:3: app: app:nightly: no version: nightly" in one for one in told)
    assert any("new:1.0.0" in one and "opsctl pin-images new:1.0.0" in one for one in told)
    assert any("stacks/apps.yml:7" in one and "{{ image('box:1.2.3') }}" in one for one in told)


HOOK = [{"image": "sandbox:slim", "command": ["true"]}, {"command": ["true"]}]
MOUNTS = [
    {"type": "image", "source": "data:2", "target": "/d"},
    {"type": "bind", "source": "/a", "target": "/b"},
]


@pytest.mark.parametrize("pushed", [False, True])
def test_images_of_hooks_and_volumes_are_pinned_and_asked_for(pushed: bool) -> None:
    found = fleet({"image": "app:1", "pre_start": HOOK, "volumes": MOUNTS}, pushed=pushed)
    one = host_of(found).services["app"]
    pinned = "sandbox:slim-sha256-000000000000" if pushed else f"sandbox:slim@{digest(2)}"
    assert one.definition["pre_start"] == [{"image": pinned, "command": ["true"]}, {"command": ["true"]}]
    assert one.definition["volumes"] == MOUNTS
    assert [(mention.image, mention.digest) for mention in one.mentions] == [
        ("sandbox:slim", digest(2)),
        ("data:2", ""),
    ]
    (told,) = unpinned(found)
    assert "data:2" in told
    assert "opsctl pin-images data:2" in told


def test_what_image_left_in_a_key_of_compose_keeps_the_name_that_was_written() -> None:
    hook = [{"image": "{{ image('sandbox:slim') }}", "command": ["true"]}]
    one = service({"image": "app:1", "pre_start": hook})
    assert one.definition["pre_start"][0]["image"] == f"sandbox:slim@{digest(2)}"
    assert [mention.image for mention in one.mentions] == ["sandbox:slim"]


def test_what_the_compose_template_names_beside_the_image_is_asked_for() -> None:
    template = """services:
  app:
    image: app:1
    pre_start: [{image: "hook:1", command: ["true"]}, {image: "{{ image('sandbox:slim') }}", command: ["true"]}]
    command: ["run", "{{ image('new:1') }}"]
"""
    found = fleet({"image": "app:1"}, templates={"compose.yml.j2": template})
    told = unpinned(found)
    assert len(told) == 2
    assert all("templates/compose.yml.j2:" in one for one in told)
    assert {image for kind, image, _places in uses(found) if kind == "mention"} == {
        "hook:1",
        "sandbox:slim",
        "new:1",
    }


def test_the_compose_template_builds_nothing() -> None:
    template = "services:\n  app:\n    image: app:1\n    build: .\n"
    with pytest.raises(InputError, match="write build in the stack file"):
        service({"image": "app:1"}, templates={"compose.yml.j2": template})


@pytest.mark.parametrize("pushed", [False, True])
def test_what_was_pinned_is_not_found_again_in_what_was_rendered(pushed: bool) -> None:
    found = fleet(
        {
            "image": "app:1",
            "env": {"BOX_IMAGE": "{{ image('sandbox:slim') }}", "OWN_IMAGE": "{{ services.app.image }}"},
            "files": [{"target": "/a.yml", "content": "image: {{ image('sandbox:slim') }}\n"}],
        },
        pushed=pushed,
    )
    assert unpinned(found) == []
    assert {kind for kind, _image, _places in uses(found)} == {"service", "mention"}


@pytest.mark.parametrize("image", ["app:1", f"x:1@{digest(3)}", "opsctl.local/demo/x:1"])
def test_what_a_digest_pins_is_not_told_of(image: str) -> None:
    found = fleet({"image": image})
    assert unpinned(found) == []


@pytest.mark.parametrize(
    "base,message",
    [
        ("sandbox:slim", ""),
        (
            "debian:13",
            "templates/box/Dockerfile:1: app: debian:13: a Dockerfile builds on it, and no digest pins it",
        ),
        ("${BASE}", "no digest pins it; give the ARG a default"),
    ],
)
def test_a_built_image_is_pinned_by_what_dockerfiles_build_on(base: str, message: str) -> None:
    sources = {"box/Dockerfile": f"FROM {base}\n"}
    found = fleet({"image": "opsctl.local/demo/x:1"}, templates=sources)
    told = unpinned(found)
    assert bool(told) == bool(message)
    assert message in "".join(told)
    other = fleet({"image": "app:1"}, templates=sources)
    assert unpinned(other) == []


def test_an_image_for_another_platform_is_told_of() -> None:
    found = fleet({"image": "app:1"}, held=lock(app=entry(1, platforms=[ARM])))
    (told,) = unfit(Subject(found, Desired("prod", (host_of(found),))))
    assert "locked without linux/amd64, which a host needs; it has linux/arm64" in told.message
    fine = replace(found, lock=HELD)
    assert list(unfit(Subject(fine, Desired("prod", (host_of(fine),))))) == []


def test_the_lock_is_part_of_the_project(tmp_path: Path) -> None:
    from opsctl.inputs.project import load

    (tmp_path / "hosts.toml").write_text(
        'project = "demo"\n[environments.prod]\nhosts = ["web"]\n[hosts.web]\naddresses = ["192.0.2.1"]\n'
    )
    file = tmp_path / "images.lock.yaml"
    file.write_text(
        f"version: 1\nimages:\n  app:1:\n    tag: '1'\n    digest: {digest(1)}\n    resolved_at: '2026-01-02T03:04:05Z'\n"
    )
    assert load(tmp_path).lock.images["app:1"].digest == digest(1)
    for broken, message in (
        (file.read_text().replace("digest:", "digset:"), r"images.lock.yaml:\d+: .*unknown key 'digset'"),
        (file.read_text().replace("app:1:", "docker.io/app:1:"), r"is not how the lock calls this image"),
        (file.read_text().replace("'1'", "'2'"), r"the tag of app:1 is not '2'"),
        ("<<<<<<< HEAD\n" + file.read_text(), r"images.lock.yaml:1: the lock is in the middle of a merge"),
    ):
        file.write_text(broken)
        with pytest.raises(InputError, match=message):
            load(tmp_path)
        file.write_text(
            f"version: 1\nimages:\n  app:1:\n    tag: '1'\n    digest: {digest(1)}\n    resolved_at: '2026-01-02T03:04:05Z'\n"
        )
