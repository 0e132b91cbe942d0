"""`opsctl upgrade` through the whole program: a registry on a real socket, a pretended host, files byte for byte."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from opsctl.apps.caddy.app import CADDY
from opsctl.checks.gates import Roster
from opsctl.checks.questions import Inside, Question, Verdict, ran
from opsctl.checks.situation import ServiceNow
from opsctl.edges.ports import Connection
from opsctl.flows.gating import Gates
from opsctl.flows.site import Site
from opsctl.inputs.project import load
from tests.cli.terminal import Ended, opsctl, refuse
from tests.fakes.edges import FakeClock
from tests.fakes.registry_server import RegistryServer, Reply
from tests.flows.machine import Machine

HOSTS = """\
project = "demo"
[vars]
registry = "{registry}"
keep = "1.2.0" # of keep and other
[environments.prod]
hosts = ["web"]
[hosts.web]
addresses = ["192.0.2.3"]
directory = "{directory}"
stacks = ["app"]
"""
STACK = """\
services:
  caddy:   # in front
    app: caddy
    image: "{{ vars.registry }}/team/caddy:2.8.1"   # a version
    files:
      - {template: Caddyfile, target: /etc/caddy/Caddyfile, mount: directory}
  sure:
    app: redis
    image: "{{ vars.registry }}/team/sure:0.6.4"
  keep:
    image: "{{ vars.registry }}/team/keep:{{ vars.keep }}"
  other:
    image: "{{ vars.registry }}/team/keep:{{ vars.keep }}"
"""


@dataclass
class Project:
    root: Path
    machine: Machine
    server: RegistryServer
    left: int = 99
    """How often the host can be connected to."""

    def connect(self, name: str, *_: Any, **__: Any) -> Connection:
        self.left -= 1
        if self.left < 0:
            refuse(name)
        connection: Connection = self.machine.connect()
        return connection

    def run(self, *argv: str, typed: str = "", tty: bool = False, online: bool = True) -> Ended:
        environ = {"HOME": str(self.root / "home"), "NO_COLOR": "1"}
        more: dict[str, Any] = {"connect": self.connect} if online else {}
        return opsctl(
            *argv, project=self.root, environ=environ, clock=FakeClock(), typed=typed, tty=tty, **more
        )

    def upgrade(self, *argv: str, **more: Any) -> Ended:
        yes = () if "typed" in more else ("--yes",)
        return self.run("upgrade", *argv, *yes, "--no-verify", "-e", "prod", **more)

    @property
    def files(self) -> dict[str, bytes]:
        names = ("hosts.toml", "stacks/app.yml", "images.lock.yaml")
        found = {path.name for path in self.root.iterdir()} - {"host", "home"}
        assert found <= {"hosts.toml", "stacks", "templates", "images.lock.yaml"}, found
        return {name: (self.root / name).read_bytes() for name in names if (self.root / name).exists()}

    def images(self) -> dict[str, str]:
        """What runs, by service: the tag alone."""
        boxes = self.machine.engine_boxes()
        return {
            name: box.mapping["image"].partition("@")[0].rpartition(":")[2] for name, box in boxes.items()
        }

    def key(self, name: str) -> str:
        return f"{self.server.host}/team/{name}"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with RegistryServer() as server:
        machine = Machine(tmp_path / "host")
        (tmp_path / "stacks").mkdir()
        (tmp_path / "templates").mkdir()
        (tmp_path / "templates" / "Caddyfile").write_text("example.org\n")
        (tmp_path / "stacks" / "app.yml").write_text(STACK)
        hosts = HOSTS.replace("{registry}", server.host).replace("{directory}", str(machine.directory))
        (tmp_path / "hosts.toml").write_text(hosts)
        for tag in ("caddy:2.8.1", "caddy:2.8.3", "caddy:2.8.4", "caddy:2.9.0", "sure:0.6.4", "sure:0.6.5"):
            server.push(f"team/{tag}", salt=tag)
        for tag in ("keep:1.2.0", "keep:1.3.0"):
            server.push(f"team/{tag}", salt=tag)
        made = Project(tmp_path, machine, server)
        pinned = made.run("pin-images")
        assert pinned.code == 0, pinned
        deployed = made.run("deploy", "prod", "--yes", "--no-verify")
        assert deployed.code == 0, deployed
        yield made


def test_the_newest_patch_is_written_pinned_and_deployed(project: Project) -> None:
    before = project.files
    ended = project.upgrade("caddy")
    assert ended.code == 0, ended
    after = project.files
    assert after["stacks/app.yml"] == before["stacks/app.yml"].replace(b"caddy:2.8.1", b"caddy:2.8.4")
    assert after["hosts.toml"] == before["hosts.toml"]
    lock = load(project.root).lock.images
    assert {project.key("caddy:2.8.1"), project.key("caddy:2.8.4")} < set(lock)
    assert project.images()["caddy"] == "2.8.4"
    box = project.machine.engine_boxes()["caddy"]
    assert box.mapping["image"].endswith(lock[project.key("caddy:2.8.4")].digest)
    assert "upgraded  caddy: 2.8.1 -> 2.8.4" in ended.out
    assert "commit images.lock.yaml stacks/app.yml" in ended.out


def test_only_the_service_is_touched(project: Project) -> None:
    boxes = project.machine.engine_boxes()
    assert project.upgrade("caddy", "2.9.0").code == 0
    now = project.machine.engine_boxes()
    assert {name for name in now if now[name].id != boxes[name].id} == {"caddy"}
    assert project.images()["caddy"] == "2.9.0"


def test_a_variable_is_written_where_it_stands_and_all_of_it_follow(project: Project) -> None:
    before = project.files
    ended = project.upgrade("keep")
    assert ended.code == 0, ended
    assert project.files["hosts.toml"] == before["hosts.toml"].replace(b'"1.2.0"', b'"1.3.0"')
    assert project.files["stacks/app.yml"] == before["stacks/app.yml"]
    assert (project.images()["keep"], project.images()["other"]) == ("1.3.0", "1.3.0")


def test_one_that_its_trial_refuses_leaves_everything_as_it_was(project: Project) -> None:
    before, boxes = project.files, project.machine.engine_boxes()
    project.machine.fail("run --name")
    ended = project.upgrade("caddy")
    assert ended.code == 4, ended
    assert project.files == before
    assert project.machine.engine_boxes() == boxes
    assert "put back  caddy: 2.8.1 -> 2.8.4; nothing was stopped" in ended.out
    assert project.upgrade("caddy", "--no-gate").code == 0


def test_a_no_at_the_prompt_leaves_everything_as_it_was(project: Project) -> None:
    before = project.files
    ended = project.upgrade("caddy", typed="n\n", tty=True)
    assert ended.code == 0, ended
    assert project.files == before
    assert "put back" in ended.out


def test_an_unreachable_host_leaves_the_files_as_they_were(project: Project) -> None:
    before = project.files
    ended = project.upgrade("caddy", online=False)
    assert ended.code == 5, ended
    assert project.files == before
    assert "the files are as they were" in ended.err


def test_an_interruption_before_the_yes_leaves_the_files_as_they_were(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.files

    def interrupted(*_: object) -> bool:
        assert project.files != before
        raise KeyboardInterrupt

    monkeypatch.setattr("opsctl.cli.consent.ask", interrupted)
    assert project.upgrade("caddy", typed="", tty=True).code == 130
    assert project.files == before


def test_an_interruption_of_a_trial_leaves_the_files_as_they_were(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, boxes, held = project.files, project.machine.engine_boxes(), Gates._held

    def interrupted(gates: Gates, site: Site, *more: Any) -> Verdict:
        site.stop.set()
        return held(gates, site, *more)

    monkeypatch.setattr(Gates, "_held", interrupted)
    assert project.upgrade("caddy").code == 130
    assert (project.files, project.machine.engine_boxes()) == (before, boxes)


def test_an_interruption_after_a_stop_leaves_the_new_tag(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.files

    def interrupted(_gates: Gates, site: Site) -> None:
        site.stop.set()
        site.check()

    monkeypatch.setattr(Gates, "after", interrupted)
    ended = project.upgrade("caddy")
    assert ended.code == 130, ended
    assert project.files != before
    assert "stands  caddy: 2.8.1 -> 2.8.4" in ended.out
    assert project.images()["caddy"] == "2.8.4"


def test_a_plan_that_is_refused_leaves_the_files_as_they_were(project: Project) -> None:
    before, boxes = project.files, project.machine.engine_boxes()
    ended = project.upgrade("sure", "0.6.3")
    assert ended.code == 4, ended
    assert (project.files, project.machine.engine_boxes()) == (before, boxes)
    project.server.push("team/sure:0.6.3")
    ended = project.upgrade("sure", "0.6.3")
    assert ended.code == 4, ended
    assert "put back a copy of its data first" in ended.out + ended.err
    assert (project.files, project.machine.engine_boxes()) == (before, boxes)


def fails_once(project: Project, words: str) -> None:
    """Let docker refuse the first command line with these words, and no later one."""
    project.machine.fail(words)
    docker = project.machine.folder / "bin" / "docker"
    docker.write_text(docker.read_text().replace("exit 1\nfi\ncount", 'rm "$here/fail"; exit 1\nfi\ncount'))


def loses_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the new Caddy have a list that is shorter than that of the old one."""

    def take(now: ServiceNow) -> Generator[Question, Any, frozenset[str]]:
        yield from ran(Inside(now.host.name, now.name, ("caddy", "sites")))
        return frozenset("a" if now.container and ":2.8.1@" in now.container.image else "")

    assert CADDY.gate
    app = replace(CADDY, gate=replace(CADDY.gate, rosters=(Roster("sites", take),)))
    monkeypatch.setattr("opsctl.apps.crossings.find_app", lambda _name: app)


def test_what_fails_after_a_stop_returns_where_the_app_goes_back(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.files
    loses_sites(monkeypatch)
    ended = project.upgrade("caddy")
    assert ended.code == 1, ended
    assert "sites are gone: a" in ended.err
    assert project.files == before
    assert project.images()["caddy"] == "2.8.1"
    assert [one.split()[-1] for one in project.machine.calls() if " up " in one][-1] == "caddy"
    assert "returned  caddy: 2.8.1 -> 2.8.4; the old version runs again" in ended.out
    assert project.run("plan", "prod").code == 0


def test_what_cannot_return_either_says_so(project: Project) -> None:
    before = project.files
    project.machine.fail(" up ")
    project.left = 1
    ended = project.upgrade("caddy")
    assert ended.code == 1, ended
    assert project.files == before
    assert "not returned  caddy: 2.8.1 -> 2.8.4; the files have the old version: no connection" in ended.out
    assert "opsctl deploy prod caddy" in ended.out


def test_an_app_that_does_not_go_back_stands_with_what_to_do(project: Project) -> None:
    fails_once(project, " up ")
    ended = project.upgrade("sure")
    assert ended.code == 1, ended
    assert b"sure:0.6.5" in project.files["stacks/app.yml"]
    assert "stands  sure: 0.6.4 -> 0.6.5" in ended.out
    told = " ".join(ended.out.split())
    assert "put back a copy of its data from before, write 0.6.4 into stacks/app.yml:9" in told
    again = project.upgrade("sure", "0.6.5")
    assert again.code == 0, again
    assert project.images()["sure"] == "0.6.5"


def test_a_file_that_somebody_changed_meanwhile_stays(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = project.root / "stacks" / "app.yml"

    def edited(*_: object) -> bool:
        stack.write_text(stack.read_text() + "# mine\n")
        return False

    monkeypatch.setattr("opsctl.cli.consent.ask", edited)
    ended = project.upgrade("caddy", typed="", tty=True)
    assert stack.read_text().endswith("# mine\n")
    assert "not put back  stacks/app.yml: " in ended.out


@pytest.mark.parametrize(
    "argv,code,message",
    [
        (("nope",), 2, "nope has no image with a tag in prod"),
        (("caddy", "2.99.0"), 4, "2.99.0"),
        (("caddy", "no tag"), 2, "no proper tag"),
    ],
)
def test_what_cannot_be_meant_writes_nothing(
    project: Project, argv: tuple[str, ...], code: int, message: str
) -> None:
    before = project.files
    ended = project.upgrade(*argv)
    assert ended.code == code, ended
    assert message in ended.err
    assert project.files == before


def test_nothing_newer_is_a_no(project: Project) -> None:
    assert project.upgrade("keep").code == 0
    ended = project.upgrade("keep")
    assert ended.code == 4
    assert "there is no newer tag than 1.3.0" in ended.err


def test_a_registry_that_does_not_tell_writes_nothing(project: Project) -> None:
    before = project.files
    project.server.on("/v2/team/caddy/manifests/2.8.4", Reply(403))
    assert project.upgrade("caddy").code == 5
    assert project.files == before


def test_in_one_envelope(project: Project) -> None:
    fails_once(project, " up ")
    ended = project.upgrade("caddy", "--json")
    data = ended.envelope["data"]
    assert (data["from"], data["to"], data["end"], data["files"]) == ("2.8.1", "2.8.4", "returned", [])
    assert data["deploy"]["hosts"]
    assert data["returned"]["hosts"]
