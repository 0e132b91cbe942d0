"""`opsctl pin-images` and the lock through the whole program, with a registry on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from opsctl.cli.lock_writing import record_green
from opsctl.errors import Exit
from opsctl.inputs.project import load
from opsctl.model.lock import Lock
from tests.cli.terminal import Ended, opsctl
from tests.fakes.edges import FakeClock
from tests.fakes.registry_server import GO_ON, RegistryServer, Reply

HOSTS = """\
project = "shop"
[vars]
registry = "{registry}"
sure = "nightly"
[environments.lab]
hosts = ["pi"]
[environments.prod]
hosts = ["web"]
[hosts.pi]
addresses = ["192.0.2.1"]
platform = "linux/arm64"
stacks = ["lab"]
[hosts.web]
addresses = ["192.0.2.2"]
stacks = ["app"]
"""
APP = """\
services:
  api:   # the shop
    image: "{{ vars.registry }}/team/api:1.4.2"   # a version
  sure:
    image: "{{ vars.registry }}/team/sure:{{ vars.sure }}"
"""
LAB = """\
services:
  api:
    image: "{{ vars.registry }}/team/api:1.4.2"
"""
BOTH = ("linux/amd64", "linux/arm64")


@dataclass
class Project:
    root: Path
    server: RegistryServer

    def run(self, *argv: str, tty: bool = False) -> Ended:
        environ = {"HOME": str(self.root / "home")}
        return opsctl("pin-images", *argv, project=self.root, environ=environ, clock=FakeClock(), tty=tty)

    def json(self, *argv: str, code: Exit = Exit.YES) -> Any:
        ended = self.run(*argv, "--json")
        assert ended.code == code, ended
        return ended.envelope["data"]

    @property
    def lock(self) -> Lock:
        return load(self.root).lock

    @property
    def text(self) -> str:
        return (self.root / "images.lock.yaml").read_text()

    def entry(self, name: str) -> Any:
        return self.lock.images[f"{self.server.host}/team/{name}"]

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text
        (self.root / path).write_text(text.replace(old, new))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with RegistryServer() as server:
        (tmp_path / "stacks").mkdir()
        (tmp_path / "hosts.toml").write_text(HOSTS.replace("{registry}", server.host))
        (tmp_path / "stacks" / "app.yml").write_text(APP)
        (tmp_path / "stacks" / "lab.yml").write_text(LAB)
        server.push("team/api:1.4.2", platforms=BOTH)
        server.push("team/sure:nightly", salt="one")
        yield Project(tmp_path, server)


def test_pins_all_environments_and_a_second_run_asks_nothing(project: Project) -> None:
    ended = project.run()
    assert ended.code == Exit.YES, ended
    assert "images.lock.yaml: 2 images, 2 added" in ended.out
    assert "stacks/app.yml:3, stacks/lab.yml:3" in ended.out
    assert "stacks/app.yml:5 (hosts.toml:4)" in ended.out
    assert project.entry("api:1.4.2").platforms == BOTH
    seen = len(project.server.seen)
    again = project.run()
    assert "nothing to change" in again.out
    assert len(project.server.seen) == seen


def test_shows_and_writes_nothing_in_a_dry_run(project: Project) -> None:
    ended = project.run("--dry-run")
    assert "2 added (not written: --dry-run)" in ended.out
    assert not (project.root / "images.lock.yaml").exists()


def test_one_that_fails_is_told_and_the_others_are_written(project: Project) -> None:
    project.server.on("/v2/team/sure/manifests/nightly", Reply(403))
    ended = project.run()
    assert ended.code == Exit.COULD_NOT_FIND_OUT
    assert "1 added, 1 failed" in ended.out
    assert "team/sure:nightly" in ended.err
    assert "hint:" in ended.err
    assert list(project.lock.images) == [f"{project.server.host}/team/api:1.4.2"]


def test_a_limit_is_waited_for_and_told(project: Project) -> None:
    limited = Reply(429, headers={"Retry-After": "7"})
    project.server.on("/v2/team/sure/manifests/nightly", limited, GO_ON)
    ended = project.run()
    assert ended.code == Exit.YES, ended
    assert f"{project.server.host}  limits how often it is asked; going on in 7 s" in ended.err
    project.server.on("/v2/team/sure/manifests/nightly", Reply(429, headers={"Retry-After": "3600"}))
    ended = project.run("--update")
    assert ended.code == Exit.COULD_NOT_FIND_OUT
    assert "it may be asked again in 60 min" in ended.err
    assert "--via HOST" in ended.err


def test_what_is_not_there_is_a_no_with_the_nearest_tag(project: Project) -> None:
    project.edit("hosts.toml", '"nightly"', '"nigthly"')
    ended = project.run()
    assert ended.code == Exit.NO
    assert "nightly" in ended.err


def test_a_platform_of_a_host_that_is_missing_is_a_no(project: Project) -> None:
    project.server.push("team/api:1.4.2", platforms=["linux/amd64"], salt="less")
    ended = project.run()
    assert ended.code == Exit.NO
    assert "has no linux/arm64, which pi needs; it has linux/amd64" in ended.err


def test_an_environment_alone_drops_nothing(project: Project) -> None:
    project.run()
    project.edit("stacks/app.yml", "/sure:", "/sura:")
    project.server.push("team/sura:nightly")
    project.run("-e", "prod")
    assert len(project.lock.images) == 3
    assert "1 dropped" in project.run().out
    assert len(project.lock.images) == 2


def test_updates_only_what_is_named_and_rolls_it_back(project: Project) -> None:
    project.run()
    first = {key: one.digest for key, one in project.lock.images.items()}
    project.server.push("team/sure:nightly", salt="two")
    project.server.push("team/api:1.4.2", platforms=BOTH, salt="moved")
    ended = project.run("--update", "sure")
    assert "moved" in ended.out
    assert project.entry("sure:nightly").previous.digest == first[f"{project.server.host}/team/sure:nightly"]
    assert project.entry("api:1.4.2").digest == first[f"{project.server.host}/team/api:1.4.2"]
    seen = len(project.server.seen)
    project.run("--rollback", "sure")
    assert {key: one.digest for key, one in project.lock.images.items()} == first
    assert len(project.server.seen) == seen


def test_comments_of_a_person_stay(project: Project) -> None:
    project.run()
    entry = next(line for line in project.text.splitlines() if "team/sure:nightly" in line)
    assert entry in project.text
    project.edit("images.lock.yaml", entry, f"  # ask ann before an update\n{entry}")
    project.server.push("team/sure:nightly", salt="two")
    project.run("--update")
    assert f"  # ask ann before an update\n{entry}" in project.text


def test_a_check_tells_places_and_codes(project: Project) -> None:
    data = project.json("--check", "--offline", code=Exit.NO)
    assert [(one["kind"], one["places"]) for one in data["findings"]] == [
        ("unpinned", ["stacks/lab.yml:3", "stacks/app.yml:3"]),
        ("floating", ["stacks/app.yml:5 (hosts.toml:4)"]),
    ]
    project.run()
    assert [one["kind"] for one in project.json("--check")["findings"]] == ["floating"]
    project.json("--check", "--strict", code=Exit.NO)
    assert not [one for one in project.server.asked if "HEAD" in one and "sha256" in one]

    project.server.push("team/api:1.4.2", platforms=BOTH, salt="moved")
    ended = project.run("--check")
    assert ended.code == Exit.NO
    assert "the tag names sha256:" in ended.out
    assert "hint: opsctl pin-images --update" in ended.out


def test_a_check_of_a_registry_that_does_not_answer_is_no_pass(project: Project) -> None:
    project.run()
    project.server.on("/v2/team/api/manifests/1.4.2", Reply(401))
    assert [one["severity"] for one in project.json("--check", code=Exit.COULD_NOT_FIND_OUT)["findings"]] == [
        "unknown",
        "note",
    ]


def test_lists_newer_versions_and_moved_tags(project: Project) -> None:
    project.run()
    for tag in ("1.4.9", "1.6.0", "2.0.0", "1.5.0-rc.1", "latest"):
        project.server.push(f"team/api:{tag}")
    project.server.push("team/sure:nightly", salt="two")
    rows = {one["image"].rpartition("/")[2]: one for one in project.json("--outdated")["images"]}
    assert rows["api:1.4.2"]["newer"] == {"patch": "1.4.9", "minor": "1.6.0", "major": "2.0.0"}
    assert not rows["api:1.4.2"]["moved"]
    assert rows["sure:nightly"]["moved"]
    assert "1 with a tag that moved, 1 with a newer version" in project.run("--outdated").out


def test_digests_go_into_the_files_where_the_tag_stands_there(project: Project) -> None:
    before = (project.root / "stacks/app.yml").read_text()
    ended = project.run("--write-source")
    digest = project.entry("api:1.4.2").digest
    assert (project.root / "stacks/app.yml").read_text() == before.replace("api:1.4.2", f"api:1.4.2@{digest}")
    assert "kept  stacks/app.yml:5" in ended.out
    assert project.json("--check")["findings"][0]["severity"] == "note"
    # The file counts now: an update of the lock alone says so, one of both moves both.
    project.server.push("team/api:1.4.2", platforms=BOTH, salt="moved")
    assert "--write-source moves it" in project.run("--update").out
    assert project.entry("api:1.4.2").digest == digest
    project.run("--update", "--write-source")
    moved = project.entry("api:1.4.2").digest
    assert moved != digest
    assert f"api:1.4.2@{moved}" in (project.root / "stacks/app.yml").read_text()


@pytest.mark.parametrize(
    "argv,message",
    [
        (["--update", "--check"], "--update and --check exclude each other"),
        (["--offline"], "--offline goes with --check only"),
        (["--write-source", "-e", "lab"], "--write-source does not go with -e"),
        (["--check", "--write-source"], "--write-source does not go with --check"),
        (["--rollback"], "name the images to roll back"),
        (["nothing"], "no image and no service is called nothing"),
        (["-e", "prd"], "no environment is called prd"),
        (["--via", "wbe"], "no host is called wbe"),
        (["--via", "web", "--outdated"], "an engine cannot list tags"),
        (["prod"], "an environment is named with -e prod"),
    ],
)
def test_what_cannot_be_meant_is_refused(project: Project, argv: list[str], message: str) -> None:
    ended = project.run(*argv)
    assert ended.code == Exit.USAGE
    assert message in ended.err
    assert not (project.root / "images.lock.yaml").exists()


@pytest.mark.parametrize("same", [True, False])
def test_of_two_runs_that_write_one_entry_the_second_is_refused(project: Project, same: bool) -> None:
    name = "api:1.4.2" if same else "other:1.0.0"
    entry = f"""  "{project.server.host}/team/{name}":
    tag: {name.partition(":")[2]}
    digest: sha256:{"ab" * 32}
    resolved_at: 2026-01-01T00:00:00Z
"""

    def write(_asked: object) -> Reply:
        (project.root / "images.lock.yaml").write_text(f"version: 1\nimages:\n{entry}")
        return GO_ON

    project.server.on("/v2/team/api/manifests/1.4.2", write)
    ended = project.run()
    assert entry.splitlines()[2].strip() in project.text
    if same:
        assert ended.code == Exit.FAILED
        assert "images.lock.yaml was changed by something else in the meantime" in ended.err
        assert "api:1.4.2" in ended.err
    else:
        assert ended.code == Exit.YES, ended
        assert len(project.lock.images) == 3


def test_a_verify_keeps_what_others_wrote_into_the_lock_meanwhile(project: Project) -> None:
    project.run("sure")
    fleet = load(project.root)
    ((key, entry),) = fleet.lock.images.items()
    project.run("api")
    assert len(project.lock.images) == 2

    assert record_green(fleet, {key: entry.digest}, FakeClock().now()) == (key,)

    assert len(project.lock.images) == 2
    assert [name for name, one in project.lock.images.items() if one.validated_at] == [key]
    project.server.push("team/sure:nightly", salt="moved", platforms=BOTH)
    project.run("--update", "sure")
    assert record_green(fleet, {key: entry.digest}, FakeClock().now()) == ()


def test_a_certificate_that_is_not_there_is_a_fault_of_hosts_toml(project: Project) -> None:
    with (project.root / "hosts.toml").open("a") as file:
        file.write('[registries."registry.example.org"]\nca_file = "ca.pem"\n')
    ended = project.run()
    assert ended.code == Exit.USAGE
    assert "hosts.toml:17: there is no file ca.pem" in ended.err


def test_a_host_that_cannot_be_reached_is_told_for_running_and_via(project: Project) -> None:
    ended = project.run("--running", "web")
    assert ended.code == Exit.COULD_NOT_FIND_OUT
    assert "no connection" in ended.err
    assert project.run("--via", "web").code == Exit.COULD_NOT_FIND_OUT


def test_plan_and_lint_tell_of_what_is_not_pinned_with_file_and_line(project: Project) -> None:
    project.edit("hosts.toml", "[environments.prod]\n", "[environments.prod]\nrequire_pins = true\n")
    ended = opsctl("lint", "prod", project=project.root)
    assert ended.code == Exit.NO
    assert "error    IMG003  stacks/app.yml:3\n" in ended.out
    assert "IMG003  stacks/app.yml:5\n         sure: " in ended.out
    project.run()
    assert opsctl("lint", "prod", project=project.root).code == Exit.YES
