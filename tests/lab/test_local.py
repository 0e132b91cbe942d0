"""`connection = "local"`: the shipped environment `local` on a real engine of this machine, by somebody who is not root."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.engine import LocalEngine, local_engine
from tests.lab.machines import Lab
from tests.lab.site import CHECKOUT, Run

# Numbers that belong to nobody on the machine: a person, and the group that may use the engine.
PERSON = 61_234
GROUP = 61_235


@dataclass(frozen=True)
class Person:
    """The shipped project in the person's own home, and opsctl as that person runs it."""

    home: Path
    engine: LocalEngine
    port: int

    @property
    def project(self) -> Path:
        return self.home / "project"

    @property
    def directory(self) -> Path:
        """The person's state folder (XDG base directories), under the project's name."""
        return self.home / ".local/state/opsctl/demo"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "USER": "person",
            "DOCKER_HOST": f"unix://{self.engine.socket}",
            "DOCKER_CONFIG": str(self.engine.plugins),
            "PYTHONPATH": f"{CHECKOUT}/src:{_site_packages()}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def argv(self, *words: str, groups: str = str(GROUP)) -> list[str]:
        who = [
            f"--reuid={PERSON}",
            f"--regid={PERSON}",
            f"--groups={groups}",
            "--no-new-privs",
            "--inh-caps=-all",
        ]
        program = [_python(), "-m", "opsctl", "--project", str(self.project), *words]
        return ["setpriv", *who, *program]

    def opsctl(self, *words: str, code: int = 0, groups: str = str(GROUP)) -> Run:
        done = subprocess.run(
            self.argv(*words, groups=groups),
            cwd=self.home,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        run = Run(done.returncode, done.stdout, done.stderr)
        assert run.code == code, run.text
        return run

    def containers(self) -> dict[str, tuple[str, str]]:
        """Id and start of each container, by service."""
        ids = self.engine.docker("ps", "--quiet", "--filter", "label=com.docker.compose.project=demo").split()
        facts = json.loads(self.engine.docker("inspect", *ids)) if ids else []
        return {
            one["Config"]["Labels"]["com.docker.compose.service"]: (one["Id"], one["State"]["StartedAt"])
            for one in facts
        }

    def page(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as answer:
            return str(answer.read().decode())


def _python() -> str:
    """An interpreter that everybody may start; that of a virtual environment may lie in root's home."""
    real = Path(sys.executable).resolve()
    shared = all(folder.stat().st_mode & stat.S_IXOTH for folder in real.parents)
    return sys.executable if shared else f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"


def _site_packages() -> str:
    return str(Path(pytest.__file__).parents[1])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def person(lab: Lab) -> Iterator[Person]:
    for number, known in (
        (PERSON, {one.pw_uid for one in pwd.getpwall()}),
        (GROUP, {one.gr_gid for one in grp.getgrall()}),
    ):
        assert number not in known
    folder = Path(tempfile.mkdtemp(prefix="opsctl-local-"))
    folder.chmod(0o755)
    try:
        engine_folder, home = folder / "engine", folder / "home"
        engine_folder.mkdir()
        home.mkdir(mode=0o700)
        with local_engine(engine_folder, GROUP) as engine:
            person = Person(home, engine, _free_port())
            _ship(person, lab)
            yield person
    finally:
        shutil.rmtree(folder)


def _ship(person: Person, lab: Lab) -> None:
    """The shipped files; only the images' names and the port are others, as a person would set them for a machine."""
    person.project.mkdir()
    for name in ("hosts.toml", "stacks", "templates"):
        source, target = CHECKOUT / name, person.project / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    file = person.project / "hosts.toml"
    text = file.read_text()
    for old, new in (
        ('caddy = "docker.io/library/caddy:2.10.2"', f'caddy = "{lab.image("caddy")}"'),
        ('redis = "docker.io/library/redis:7.4.2"', f'redis = "{lab.image("redis")}"'),
        ("port = 8080", f"port = {person.port}"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    file.write_text(text)
    for path in (person.home, *person.home.rglob("*")):
        os.chown(path, PERSON, PERSON)


def test_the_shipped_quickstart_without_root_and_without_ssh(person: Person) -> None:
    assert "2 to create" in person.opsctl("plan").stdout
    assert not person.directory.exists()
    run = person.opsctl("deploy", "local", "--yes")
    assert "2 created" in run.stdout
    assert "Hello from opsctl" in person.page()
    assert set(person.containers()) == {"web", "store"}
    _is_private(person)
    before = person.containers()
    assert "nothing to do" in person.opsctl("plan", "--exit-code").stdout
    assert "nothing to do" in person.opsctl("deploy", "local", "--yes").stdout
    assert person.containers() == before

    file = person.project / "hosts.toml"
    file.write_text(file.read_text().replace("Hello from opsctl", "Good evening"))
    assert "react" in person.opsctl("deploy", "local", "--yes").stdout
    assert "Good evening" in person.page()
    assert person.containers() == before

    assert person.opsctl("exec", "store", "-e", "local", "--", "redis-cli", "ping").stdout == "PONG\n"
    person.opsctl("exec", "store", "-e", "local", "--", "sh", "-c", "exit 9", code=9)
    assert "web" in person.opsctl("status").stdout
    person.opsctl("stop", "web", "-e", "local")
    person.opsctl("start", "web", "-e", "local")
    entries = json.loads(person.opsctl("audit", "local", "--json").stdout)["data"]["entries"]
    assert {entry["outcome"] for entry in entries} == {"ok"}
    assert "Good evening" in person.page()


def _is_private(person: Person) -> None:
    """Everything is the person's; what holds a secret is for the person alone, under folders of 0700."""
    modes = {}
    for path in (
        person.directory,
        *person.directory.rglob("*"),
        person.project / "secrets/local.generated.json",
    ):
        found = path.stat()
        assert (found.st_uid, found.st_gid) == (PERSON, PERSON), path
        modes[path.name if path != person.directory else "."] = stat.S_IMODE(found.st_mode)
    assert modes["."] == modes[".opsctl"] == 0o700
    assert modes["store.env"] == modes["local.generated.json"] == modes["fingerprint.key"] == 0o600
    assert modes["audit.jsonl"] == modes["lease"] == 0o600
    assert modes["compose.yml"] == modes["Caddyfile"] == 0o644


def test_somebody_outside_the_group_is_refused_clearly(person: Person) -> None:
    run = person.opsctl("plan", "local", groups=str(PERSON), code=5)
    assert f"this-machine: this user may not use {person.engine.socket}" in run.stderr
    assert "put the user in the group docker" in run.stderr.partition("hint: ")[2]


def test_no_engine_at_all_is_said(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Person(
        person.home, LocalEngine(Path("/run/nowhere.sock"), GROUP, person.engine.plugins), person.port
    )
    run = nowhere.opsctl("plan", "local", code=5)
    assert "this-machine: there is no engine socket /run/nowhere.sock" in run.stderr
