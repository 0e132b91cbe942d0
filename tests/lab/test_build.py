"""Images built on a real host: only when something they are made of changed, found by label, never at the cost of what runs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.lab.killed import begun, effects, kill, plan_of
from tests.lab.repository import Repository
from tests.lab.site import Site

pytestmark = pytest.mark.hosts("lab-spare")

STACK = """\
    services:
      box:
        build: {context: box, args: {WORD: "{{ vars.word }}"}}
        command: [sleeper]
        wait: {settle: 0s}
      plain:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        wait: {settle: 0s}
"""
DOCKERFILE = """\
FROM {{ vars.base }}
ARG WORD
COPY conf /etc/box/
COPY run.sh /bin/run-box
RUN echo "$WORD" >/etc/box/word && stat -c %a /bin/run-box >>/etc/box/word
"""


@pytest.fixture
def project(site: Site) -> Site:
    extra = f'[vars]\nword = "first"\nbase = "{site.lab.registry}/lab/sleeper:1.0.0"\n'
    site.hosts_toml(
        {"lab-spare": ["apps"]}, extra=extra + f'[registries."{site.lab.registry}"]\ninsecure = true\n'
    )
    site.write("stacks/apps.yml", STACK)
    site.write("templates/box/Dockerfile.j2", DOCKERFILE)
    site.write("templates/box/conf/town.j2", "{{ project }} on {{ host.name }}\n")
    site.write("templates/box/run.sh", "#!/bin/sh\n")
    (site.root / "templates/box/run.sh").chmod(0o755)
    for image in built(site):
        site.host().docker("rmi", "--force", image)
    return site


def built(site: Site) -> list[str]:
    return sorted(
        set(
            site.host()
            .docker("images", "--quiet", "--no-trunc", "--filter", "label=opsctl.build-hash")
            .split()
        )
    )


def inspected(site: Site, image: str) -> dict[str, Any]:
    (facts,) = json.loads(site.host().docker("image", "inspect", image))
    return dict(facts)


def steps(site: Site) -> list[str]:
    plan = site.opsctl("plan", "lab", "--json", code=None).json()["data"]
    return [f"{step['verb']} {step['subject']}" for host in plan["hosts"] for step in host["steps"]]


def test_an_image_is_built_once_and_again_only_when_what_it_is_made_of_changed(project: Site) -> None:
    site = project
    site.deploy()
    first, plain = site.container("box"), site.container("plain")
    assert re.fullmatch(rf"opsctl\.local/{site.project}/box:[0-9a-f]{{12}}", first.image)
    image = inspected(site, first.image)
    assert image["Config"]["Labels"]["opsctl.build-hash"].startswith(first.image.rpartition(":")[2])
    assert first.labels["opsctl.build-hash"] == image["Config"]["Labels"]["opsctl.build-hash"]
    assert site.inner("box", "/etc/box/town") == f"{site.project} on lab-spare\n"
    assert site.inner("box", "/etc/box/word") == "first\n755\n"

    before = site.snapshot()
    assert "nothing to change" in site.deploy().stdout
    assert site.snapshot() == before
    assert site.opsctl("verify", "lab").code == 0
    assert "Network" not in site.typed("up", "-d")
    assert site.snapshot() == before

    site.write("templates/box/conf/town.j2", "elsewhere\n")
    assert [one.partition(":")[0] for one in steps(site)] == [
        f"build opsctl.local/{site.project}/box",
        "push 1 file",
        "recreate box",
        "wait box",
    ]
    site.deploy()
    assert site.inner("box", "/etc/box/town") == "elsewhere\n"
    assert site.container("box").image != first.image
    assert site.container("plain").id == plain.id

    (site.root / "templates/box/run.sh").chmod(0o644)
    site.deploy()
    assert site.inner("box", "/etc/box/word") == "first\n644\n"
    site.edit("hosts.toml", 'word = "first"', 'word = "second"')
    site.deploy()
    assert site.inner("box", "/etc/box/word").startswith("second\n")
    assert site.container("plain").id == plain.id


def test_after_a_prune_it_is_built_again_with_the_same_name(project: Site) -> None:
    site = project
    site.deploy()
    name = site.container("box").image
    site.typed("rm", "--stop", "--force", "box")
    site.host().docker("image", "prune", "--all", "--force")
    assert built(site) == []
    assert steps(site)[0].startswith(("pull ", "build "))

    site.deploy()
    assert site.container("box").image == name
    assert "nothing to change" in site.deploy().stdout


def test_it_is_found_by_its_label_when_another_image_has_its_name(project: Site) -> None:
    site = project
    site.deploy()
    box, other = site.container("box"), site.container("plain")
    before = site.snapshot()
    site.host().docker("tag", other.facts["Image"], box.image)
    assert steps(site) == [f"tag {box.image}"]

    site.deploy()
    assert site.snapshot() == before
    assert inspected(site, box.image)["Id"] == box.facts["Image"]
    assert steps(site) == []

    site.host().docker("rmi", "--force", box.image)
    assert steps(site) == [f"tag {box.image}"]
    site.deploy()
    assert site.snapshot() == before
    assert inspected(site, box.image)["Id"] == box.facts["Image"]


def test_a_build_that_fails_touches_nothing(project: Site) -> None:
    site = project
    site.deploy()
    before = site.snapshot()
    site.edit("templates/box/Dockerfile.j2", "RUN echo", "RUN echo to find >&2; exit 3; echo")

    failed = site.deploy(code=1)

    assert "cannot build opsctl.local" in failed.text
    assert "no container was touched" in failed.text
    assert "to find" in failed.text
    assert "\x1b" not in failed.text
    assert "templates/box/Dockerfile.j2" in failed.text
    assert site.snapshot() == before
    assert len(site.host().docker("ps", "--all", "--quiet").split()) == 2
    site.write(
        "templates/box/Dockerfile.j2", DOCKERFILE.replace("RUN echo", "RUN --mount=type=cache,target=/c echo")
    )
    assert "own builder" in site.deploy(code=1).text


def test_it_is_built_on_the_bits_that_the_lock_says(project: Site) -> None:
    site = project
    pins = Repository(site.lab.registry)
    pins.copy("lab/sleeper", "1.0.0", "one")
    locked = pins.variant("one", "locked", "base")
    site.edit("hosts.toml", f'base = "{site.lab.registry}/lab/sleeper:1.0.0"', f'base = "{pins.image}:base"')
    site.edit("hosts.toml", "[environments.lab]\n", "[environments.lab]\nrequire_pins = true\n")
    refused = site.deploy(code=4)
    told = " ".join(refused.text.split())
    assert f"{pins.image}:base: " in told
    assert "no digest pins it (IMG003, templates/box/Dockerfile.j2:1)" in told

    site.opsctl("pin-images")
    assert site.opsctl("pin-images", "--check", "--offline").code == 0
    pins.variant("one", "moved", "base")
    site.deploy()
    assert site.container("box").labels["variant"] == "locked"
    digests = site.host().docker("images", "--digests", "--format", "{{.Digest}}", pins.image)
    assert digests.split() == [locked]

    first = site.container("box").image
    site.opsctl("pin-images", "--update", "box")
    site.deploy()
    assert site.container("box").labels["variant"] == "moved"
    assert site.container("box").image != first


def test_a_stage_of_a_dockerfile_elsewhere_and_files_that_are_ignored(project: Site) -> None:
    site = project
    site.edit(
        "stacks/apps.yml",
        'build: {context: box, args: {WORD: "{{ vars.word }}"}}',
        "build: {context: crate, dockerfile: deep/Dockerfile, target: first}",
    )
    site.write(
        "templates/crate/deep/Dockerfile",
        f"FROM {site.lab.registry}/lab/sleeper:1.0.0 AS first\nCOPY . /all\nFROM first\nRUN exit 1\n",
    )
    site.write("templates/crate/.dockerignore", "**/*.md\n!keep.md\n")
    for path in ("a.md", "keep.md", "sub/b.md", "sub/c.txt"):
        site.write(f"templates/crate/{path}", path)

    site.deploy()

    pid = site.container("box").pid
    listed = site.host().run(["sh", "-c", f"cd /proc/{pid}/root/all && find . -type f | sort"])
    # The engine leaves out of COPY neither the Dockerfile nor .dockerignore where they are not ignored themselves.
    assert listed.stdout.decode().split() == [
        "./.dockerignore",
        "./deep/Dockerfile",
        "./keep.md",
        "./sub/c.txt",
    ]
    assert steps(site) == []


def test_a_run_that_is_killed_in_the_middle_of_a_build_costs_nothing(project: Site) -> None:
    site = project
    site.deploy()
    before = site.snapshot()
    site.edit("templates/box/Dockerfile.j2", "RUN echo", "RUN sleep 3; echo")
    number = effects(plan_of(site.root).hosts[0]).index("docker build") + 1

    killed = kill(site, "during", number)

    assert (killed.code, begun(killed)[-1]) == (-9, "docker build")
    assert site.snapshot() == before
    site.deploy()
    assert site.inner("box", "/etc/box/word") == "first\n755\n"
    assert len(set(site.snapshot()["lab-spare"]) - set(before["lab-spare"])) == 1
    assert steps(site) == []
