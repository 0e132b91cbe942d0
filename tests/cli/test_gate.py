"""A new version is tried before the old one stops, and what must not be lost is counted: the whole program on a pretended host."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from opsctl.apps.caddy.app import CADDY
from opsctl.checks.gates import Roster
from opsctl.checks.questions import Inside, Question, UnansweredError, ran
from opsctl.checks.situation import ServiceNow
from opsctl.edges.ports import Connection
from tests.cli.terminal import Ended, opsctl
from tests.fakes.edges import FakeClock
from tests.flows.machine import Machine

STACK = """\
services:
  caddy:
    app: caddy
    image: lab/caddy:2.8.1
    env: {WORD: canary}
    files:
      - {template: Caddyfile, target: /etc/caddy/Caddyfile, mount: directory}
  web:
    image: lab/app:1.0.0
"""


@dataclass
class Gated:
    root: Path
    machine: Machine

    def connect(self, *_: Any, **__: Any) -> Connection:
        connection: Connection = self.machine.connect()
        return connection

    def deploy(self, *argv: str) -> Ended:
        words = ("deploy", "prod", "--yes", "--no-verify", *argv)
        return opsctl(*words, project=self.root, clock=FakeClock(), connect=self.connect)

    def edit(self, old: str, new: str) -> None:
        file = self.root / "stacks" / "app.yml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def deploy_new(self, *argv: str) -> Ended:
        """The next patch of Caddy; `calls` are what docker was told for it."""
        self.edit("caddy:2.8.1", "caddy:2.8.4")
        self.before = len(self.machine.calls())
        return self.deploy(*argv)

    @property
    def calls(self) -> list[str]:
        """The first two words of each, with what they are about."""
        words = [one.split() for one in self.machine.calls()[self.before :]]
        return [f"{one[0]} {one[-1]}" if one[0] in {"pull", "run", "exec"} else one[0] for one in words]


@pytest.fixture
def gated(tmp_path: Path) -> Gated:
    machine = Machine(tmp_path / "host")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "Caddyfile").write_text("example.org\n")
    (tmp_path / "stacks" / "app.yml").write_text(STACK)
    (tmp_path / "hosts.toml").write_text(
        'project = "demo"\n[environments.prod]\nhosts = ["web"]\n[hosts.web]\naddresses = ["192.0.2.3"]\n'
        f'directory = "{machine.directory}"\nstacks = ["app"]\n'
    )
    made = Gated(tmp_path, machine)
    ended = made.deploy()
    assert ended.code == 0, ended
    return made


def test_the_new_version_is_pulled_and_tried_before_anything_else(gated: Gated) -> None:
    ended = gated.deploy_new()
    assert ended.code == 0, ended
    assert gated.calls[:4] == ["pull lab/caddy:2.8.4", "ps", "run caddyfile", "rm"]
    assert gated.calls.index("compose") > 3


def test_one_that_does_not_take_its_configuration_stops_nothing(gated: Gated) -> None:
    boxes = gated.machine.engine_boxes()
    gated.machine.fail("run --name")
    ended = gated.deploy_new()
    assert ended.code == 4, ended
    assert "2.8.1 -> 2.8.4: it does not take its Caddyfile" in ended.err
    assert "nothing was stopped" in ended.err
    assert "--no-gate" in ended.err
    assert gated.machine.engine_boxes() == boxes
    assert not [one for one in gated.calls if one not in {"pull lab/caddy:2.8.4", "ps", "rm"}]
    assert "canary" not in ended.err


def test_one_that_could_not_be_tried_stops_nothing_either(gated: Gated) -> None:
    docker = gated.machine.folder / "bin" / "docker"
    docker.write_text(docker.read_text().replace("exit 1\nfi\ncount", "exit 125\nfi\ncount"))
    gated.machine.fail("run --name")
    ended = gated.deploy_new()
    assert ended.code == 5, ended
    assert not [one for one in gated.calls if one.startswith(("compose", "stop"))]


def test_without_the_gate_it_is_not_asked(gated: Gated) -> None:
    gated.machine.fail("run --name")
    assert gated.deploy_new("--no-gate").code == 0


def built(gated: Gated) -> str:
    """Caddy as an image that the host builds; gives its name."""
    gated.edit("    image: lab/caddy:2.8.1\n", "    build: caddy-image\n")
    folder = gated.root / "templates" / "caddy-image"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM lab/caddy:2.8.4\n")
    planned = opsctl("plan", "prod", project=gated.root, clock=FakeClock(), connect=gated.connect)
    return next(line.split()[1] for line in planned.out.splitlines() if line.strip().startswith("build "))


def test_a_new_image_that_is_built_is_built_to_be_tried(gated: Gated) -> None:
    image = built(gated)
    gated.before = len(gated.machine.calls())
    ended = gated.deploy()
    assert ended.code == 0, ended
    assert gated.calls[:5] == ["pull lab/caddy:2.8.4", "build", "ps", "run caddyfile", "rm"]
    run = next(one for one in gated.machine.calls()[gated.before :] if one.startswith("run "))
    assert image in run.split()


def test_a_built_one_that_does_not_take_its_configuration_stops_nothing(gated: Gated) -> None:
    built(gated)
    boxes = gated.machine.engine_boxes()
    gated.machine.fail("run --name")
    ended = gated.deploy()
    assert ended.code == 4, ended
    assert "it does not take its Caddyfile" in ended.err
    assert gated.machine.engine_boxes() == boxes


def test_only_a_new_version_is_tried(gated: Gated) -> None:
    gated.before = len(gated.machine.calls())
    gated.edit("WORD: canary", "WORD: other")
    gated.machine.fail("run --name")
    assert gated.deploy().code == 0
    gated.edit("lab/app:1.0.0", "lab/app:1.1.0")
    assert gated.deploy("web").code == 0
    assert not [one for one in gated.calls if one.startswith("run")]


def test_only_what_this_deploy_touches_is_tried(gated: Gated) -> None:
    gated.before = len(gated.machine.calls())
    gated.edit("caddy:2.8.1", "caddy:2.8.4")
    gated.edit("lab/app:1.0.0", "lab/app:1.1.0")
    assert gated.deploy("web").code == 0
    assert not [one for one in gated.calls if one.startswith("run")]


def with_roster(monkeypatch: pytest.MonkeyPatch, *answers: set[str] | str) -> list[str]:
    """Let Caddy have a list of sites; what it is, one time after the other. Gives the containers that were asked."""
    left, asked = list(answers), []

    def take(now: ServiceNow) -> Generator[Question, Any, frozenset[str]]:
        yield from ran(Inside(now.host.name, now.name, ("caddy", "sites")))
        asked.append(now.container.id if now.container else "")
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, str):
            raise UnansweredError(answer)
        return frozenset(answer)

    assert CADDY.gate
    app = replace(CADDY, gate=replace(CADDY.gate, rosters=(Roster("sites", take),)))
    monkeypatch.setattr("opsctl.apps.crossings.find_app", lambda _name: app)
    return asked


def test_what_is_gone_fails_the_deploy_by_name(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    with_roster(monkeypatch, {"a", "b", "c"}, {"b"})
    ended = gated.deploy_new()
    assert ended.code == 1, ended
    assert "caddy: sites are gone: a, c" in ended.err


def test_a_list_has_time_to_be_whole_again(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = with_roster(monkeypatch, {"a"}, set(), "not yet", {"a", "b"})
    ended = gated.deploy_new()
    assert ended.code == 0, ended
    assert len(asked) == 4
    assert asked[0] != asked[1]
    assert len(set(asked[1:])) == 1


def test_a_list_that_cannot_be_told_before_stops_nothing(
    gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_roster(monkeypatch, "busy")
    boxes = gated.machine.engine_boxes()
    ended = gated.deploy_new()
    assert ended.code == 5, ended
    assert "its sites could not be told: busy; nothing was stopped" in ended.err
    assert gated.machine.engine_boxes() == boxes
