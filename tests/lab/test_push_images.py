"""Images for a host that reaches no registry: from another lab host's engine, which stands for the operator's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from opsctl.images.pins import pushed_name
from opsctl.model.references import parse_reference
from tests.lab import killed
from tests.lab.machines import LabHost
from tests.lab.machines.boot import inside
from tests.lab.machines.processes import until
from tests.lab.private import open_registry
from tests.lab.site import Run, Site

pytestmark = pytest.mark.hosts("lab-app", "lab-vpn")

MEGABYTES = 64
STACK = """
    services:
      api:
        image: "%s"
        wait: {settle: 0s}
"""
LOCK = """
    version: 1
    images:
      "%s":
        tag: "1.0.0"
        digest: "%s"
        resolved_at: "2026-11-26T16:20:00Z"
"""
# Data that no compression makes smaller: what is on the line takes its time.
_COMMIT = """
set -e
docker pull --quiet "$1" >/dev/null
mkdir -p /tmp/blob && head -c "$3" /dev/urandom >/tmp/blob/blob
made=$(docker create "$1")
docker cp /tmp/blob/blob "$made:/blob" >/dev/null
docker commit "$made" "$2" >/dev/null
docker rm "$made" >/dev/null
rm -r /tmp/blob
docker push --quiet "$2" >/dev/null
"""
_FORGET = 'docker images --all --quiet "$1" | sort -u | xargs -r docker rmi --force >/dev/null'


@dataclass(frozen=True)
class Shipped:
    """An image that the operator's engine has from a registry which nobody serves any more."""

    site: Site
    image: str
    digest: str
    id: str

    @property
    def operator(self) -> LabHost:
        return self.site.host("lab-vpn")

    @property
    def host(self) -> LabHost:
        return self.site.host("lab-app")

    @property
    def name(self) -> str:
        return str(pushed_name(parse_reference(self.image), self.digest))

    @property
    def environ(self) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.operator.docker_socket}"}

    def push(self, *words: str, code: int | None = 0, env: Mapping[str, str] | None = None) -> Run:
        return self.site.opsctl(
            "push-images", "lab-app", *words, code=code, env={**self.environ, **(env or {})}
        )

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.site.argv("push-images", "lab-app"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.site.environ, **self.environ},
        )

    def on_host(self, name: str = "") -> dict[str, Any] | None:
        done = self.host.run(["docker", "image", "inspect", name or self.name], check=False)
        return dict(json.loads(done.stdout)[0]) if done.returncode == 0 else None

    def await_loading(self) -> None:
        """Until the host has begun to take the stream."""
        until(lambda: self._loading() and self._unpacked() > 2**20, "a docker load on the host", seconds=20)

    def await_end(self) -> None:
        until(lambda: not self._loading(), "the end of docker load on the host", seconds=20)

    def nothing_is_half_loaded(self) -> bool:
        """No image, no layer in the making, no folder that docker load unpacks into."""
        until(lambda: not self._unpacked(), "the engine's own tidying", seconds=10)
        return self.on_host(self.id) is None

    def _loading(self) -> bool:
        return any(words[:2] == ["docker", "load"] for words in self.host.processes())

    def _unpacked(self) -> int:
        listed = self.host.run(["du", "-sb", "/var/lib/docker/tmp"], check=False).stdout.split()
        return max(int(listed[0]) - 8192, 0) if listed else 0


@pytest.fixture
def shipped(site: Site) -> Iterator[Shipped]:
    operator = site.host("lab-vpn")
    with open_registry(site.root.parent / "registry") as address:
        image = f"{address}/shop/api:1.0.0"
        words = ["commit", site.lab.image("sleeper"), image, str(MEGABYTES * 2**20)]
        operator.run(["sh", "-c", _COMMIT, *words])
        (facts,) = json.loads(operator.docker("image", "inspect", image))
    digest = facts["RepoDigests"][0].partition("@")[2]
    site.hosts_toml({"lab-app": ["apps"]}, images='"push"')
    site.write("stacks/apps.yml", STACK % image)
    site.write("images.lock.yaml", LOCK % (image, digest))
    made = Shipped(site, image, digest, facts["Id"])
    yield made
    for host in site.hosts.values():
        host.wipe()
        host.run(["sh", "-c", _FORGET, "forget", image.rpartition(":")[0]])


def test_a_deploy_is_refused_until_the_image_is_there_and_then_runs_it(shipped: Shipped) -> None:
    site = shipped.site

    refused = site.deploy(code=4)
    assert (
        f"api: {shipped.name} is not on lab-app, and images = push: opsctl push-images lab-app api"
        in refused.text
    )

    began = time.monotonic()
    pushed = shipped.push()
    seconds = time.monotonic() - began
    print(f"\n{MEGABYTES} MiB pushed in {seconds:.1f} s: {MEGABYTES / seconds:.0f} MiB/s\n{pushed.text}")
    site.deploy()

    there = shipped.on_host()
    assert there
    assert there["Id"] == shipped.id
    assert (there["RepoTags"], there["RepoDigests"]) == ([shipped.name], [])
    container = site.container("api")
    assert (container.image, container.running) == (shipped.name, True)
    assert container.facts["Image"] == shipped.id
    assert f"lab-app  push {shipped.name} … " in pushed.stderr
    assert "1 to push" in pushed.stdout
    (tags,) = {
        tuple(one["RepoTags"]) for one in json.loads(shipped.operator.docker("image", "inspect", shipped.id))
    }
    assert tags == (shipped.image,), "no tag of the operator's engine changed"


def test_a_second_push_streams_nothing(shipped: Shipped) -> None:
    shipped.push()
    told = shipped.push("--json").json()["data"]

    (image,) = told["images"]
    assert (image["action"], image["sent"], image["failed"]) == ("there", 0, False)
    assert image["id"] == shipped.id


def test_an_image_that_lost_its_name_is_only_named_again(shipped: Shipped) -> None:
    shipped.push()
    shipped.host.docker("tag", shipped.name, "keep:it")
    shipped.host.docker("rmi", shipped.name)

    (image,) = shipped.push("--json").json()["data"]["images"]

    assert (image["action"], image["sent"]) == ("tag", 0)
    assert (shipped.on_host() or {})["Id"] == shipped.id
    shipped.host.docker("rmi", "keep:it")


def test_a_wrong_image_under_the_name_is_replaced_aloud(shipped: Shipped) -> None:
    sleeper = shipped.site.lab.image("sleeper")
    shipped.host.docker("pull", "--quiet", sleeper)
    shipped.host.docker("tag", sleeper, shipped.name)
    planted = (shipped.on_host() or {})["Id"]

    run = shipped.push()

    assert f"replaces {planted[:19]}, which has that name there" in run.stdout
    assert (shipped.on_host() or {})["Id"] == shipped.id


def test_what_arrives_and_is_another_image_is_removed_again(shipped: Shipped, tmp_path: Path) -> None:
    """The operator's docker saves something else than it was told to."""
    other = shipped.site.lab.image("sleeper")
    shipped.operator.docker("pull", "--quiet", other)
    made = shipped.operator.docker("create", other, "true").strip()
    changed = shipped.operator.docker("commit", made).strip()
    liar = tmp_path / "bin" / "docker"
    liar.parent.mkdir()
    liar.write_text(f'#!/bin/sh\nexec /usr/local/bin/docker save "{changed}"\n')
    liar.chmod(0o755)

    run = shipped.push(code=1, env={"PATH": f"{liar.parent}:{os.environ['PATH']}"})

    assert f"what arrived is not {shipped.id}, and was removed again" in run.stderr
    assert shipped.on_host(changed) is None
    assert shipped.on_host() is None
    shipped.operator.docker("rm", made)
    shipped.operator.docker("rmi", changed)


def test_killed_in_the_middle_nothing_is_half_loaded_and_the_next_run_finishes(shipped: Shipped) -> None:
    process = shipped.start()
    shipped.await_loading()
    process.kill()
    process.communicate()
    shipped.await_end()

    assert shipped.nothing_is_half_loaded()
    shipped.push()
    assert (shipped.on_host() or {})["Id"] == shipped.id


@pytest.mark.parametrize("when", ["before", "during", "after"])
@pytest.mark.parametrize("number", [1, 2])
def test_killed_at_each_effect_the_next_run_finishes(
    shipped: Shipped, when: killed.When, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", shipped.environ["DOCKER_HOST"])

    run = killed.kill_words(shipped.site, when, number, "push-images", "lab-app")

    assert run.code == -9, run.text
    shipped.await_end()
    shipped.push()
    assert (shipped.on_host() or {})["Id"] == shipped.id


def test_interrupted_in_the_middle(shipped: Shipped) -> None:
    process = shipped.start()
    shipped.await_loading()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    shipped.await_end()

    assert (process.returncode, stderr.splitlines()[-1]) == (130, "interrupted")
    assert shipped.nothing_is_half_loaded()
    saving = [words for words in shipped.operator.processes() if "save" in words[:2]]
    assert not saving
    shipped.push()


def test_a_connection_that_is_cut_in_the_middle(shipped: Shipped) -> None:
    process = shipped.start()
    shipped.await_loading()
    inside(shipped.host.spec, ["sh", "-c", "pkill -KILL -P $(cat /run/sshd.pid)"])
    _, stderr = process.communicate(timeout=60)
    shipped.await_end()

    assert process.returncode == 5, stderr
    assert "the connection was lost" in stderr
    assert shipped.nothing_is_half_loaded()
    shipped.push()


def test_another_platform_is_refused(shipped: Shipped) -> None:
    shipped.site.edit("hosts.toml", 'images = "push"', 'images = "push"\nplatform = "linux/arm64"')

    run = shipped.push(code=4)

    assert "the engine of this machine has it for linux/amd64, and lab-app is linux/arm64" in run.stderr
    assert f"docker pull --platform linux/arm64 {shipped.image}@{shipped.digest}" in run.stderr
    assert shipped.on_host() is None


def test_one_that_is_not_here_does_not_stop_the_others(shipped: Shipped) -> None:
    site = shipped.site
    site.write(
        "stacks/apps.yml",
        STACK % shipped.image + '      gone: {image: "registry.example/shop/gone:2.0.0"}\n',
    )

    run = shipped.push(code=4)

    assert "the engine of this machine has no registry.example/shop/gone:2.0.0" in run.stderr
    assert "docker pull --platform linux/amd64 registry.example/shop/gone:2.0.0, or --pull" in run.stderr
    assert (shipped.on_host() or {})["Id"] == shipped.id
    assert shipped.push("api").code == 0
    assert "no service and no image gine" in shipped.push("gine", code=2).stderr


def test_pull_gets_here_what_is_missing_here(shipped: Shipped) -> None:
    site, image = shipped.site, shipped.site.lab.image("whoami")
    site.write("stacks/apps.yml", STACK % image)
    site.write("images.lock.yaml", LOCK % (image, site.lab.digest(image)))
    for host in site.hosts.values():
        host.run(["sh", "-c", _FORGET, "forget", image.rpartition(":")[0]])

    assert shipped.push("--dry-run", "--pull", code=4)
    shipped.push("--pull")

    there = shipped.on_host(str(pushed_name(parse_reference(image), site.lab.digest(image))))
    assert there
    shipped.host.docker("rmi", there["Id"])


def test_without_the_operators_engine(shipped: Shipped) -> None:
    run = shipped.push(code=5, env={"DOCKER_HOST": "unix:///nowhere/docker.sock"})

    assert "this machine: there is no engine socket /nowhere/docker.sock" in run.stderr
