"""A host of one folder: the real scripts run on real files; only `docker` pretends.

The pretended docker writes down what it was told, with the compose.yml and env files as they were at that moment; the
engine's answers follow from that. What Compose and the engine really do is the lab's to show.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.fakes.edges import FakeClock, FakeEngine, FakeNetwork
from tests.fakes.here import local_shell
from tests.unit.plan.model import parsed_compose

from opsctl.argv.command import Command, Completed
from opsctl.edges.local.shell import LocalShell
from opsctl.edges.ports import Session
from opsctl.flows.events import Event
from opsctl.flows.world import Who, World
from opsctl.render import envfile
from opsctl.state.desired import DesiredHost

SECRET = "canary-5e1f"
DIGEST = "sha256:" + "ab" * 32
"""Of the one image that the host has."""

_DOCKER = """\
#!/bin/sh
# $HERE is replaced. Files there: version (what Compose says), config (what `config -q` complains of), fail (a command
# line to refuse), calls/N/{words,compose.yml,env/}.
here=$HERE
case "$*" in
"compose version --short")
    [ -e "$here/version" ] || { echo "unknown flag: --short" >&2; exit 1; }
    cat "$here/version"
    exit 0
    ;;
*" config -q")
    for word; do case $word in */new) [ -d "$word/env" ] && ls "$word/env" >"$here/checked" ;; esac; done
    [ ! -e "$here/config" ] || { cat "$here/config" >&2; exit 15; }
    exit 0
    ;;
esac
if [ -e "$here/fail" ] && case "$*" in *"$(cat "$here/fail")"*) true ;; *) false ;; esac; then
    echo "pretended failure of $*" >&2
    exit 1
fi
count=0
for call in "$here"/calls/*; do [ ! -e "$call" ] || count=$((count + 1)); done
call=$here/calls/$count
mkdir "$call"
as_they_are() {
    set --
    for path in compose.yml env; do [ ! -e "$here/top/$path" ] || set -- "$@" "$here/top/$path"; done
    [ $# = 0 ] || cp -r "$@" "$call"
}
as_they_are
printf '%s\\n' "$@" >"$call/words"
"""


@dataclass
class Box:
    """A pretended container."""

    id: str
    service: str
    mapping: Mapping[str, Any]
    env: Mapping[str, str]
    created: float
    started: float
    state: str = "running"
    exit_code: int = 0
    health: str = ""
    oom: bool = False
    restarts: int = 0


class PretendedEngine(FakeEngine):
    """Answers from what the pretended docker wrote down; `age` may change a box before it is shown."""

    def __init__(self, folder: Path, opened: Callable[[str], None]) -> None:
        super().__init__(opened)
        self.folder = folder
        self.age: Callable[[Box], None] = lambda box: None
        self.foreign: list[dict[str, Any]] = []

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        boxes = self.boxes()
        for box in boxes.values():
            self.age(box)
        asked = json.loads((query or {}).get("filters", "{}")).get("label", [])
        wanted = [label.partition("=")[2] for label in asked if "service=" in label]
        self.answers |= {
            "/containers/json": [_listed(box) for box in boxes.values() if box.service in wanted or not asked]
            + self.foreign,
            "/networks": [],
            "/volumes": {"Volumes": None},
            "/images/json": [
                {"Id": "sha256:1", "RepoTags": ["lab/app:1.0.0"], "RepoDigests": [f"lab/app@{DIGEST}"]}
            ],
            "/images/sha256:1/json": {"Config": {"Env": ["PATH=/bin"]}},
        }
        self.answers |= {f"/containers/{box.id}/json": _inspected(box) for box in boxes.values()}
        return super().get(path, query)

    def boxes(self) -> dict[str, Box]:
        found: dict[str, Box] = {}
        for number, call in enumerate(
            sorted((self.folder / "calls").iterdir(), key=lambda one: int(one.name))
        ):
            words = (call / "words").read_text().splitlines()
            time = 1_700_000_000.0 + number
            if "up" in words:
                services = parsed_compose((call / "compose.yml").read_bytes())["services"]
                for name in words[words.index("--") + 1 :]:
                    found[name] = _made(name, services[name], call, time)
            elif words[0] in {"stop", "start", "restart"}:
                for box in [one for one in found.values() if one.id in words]:
                    box.state = "exited" if words[0] == "stop" else "running"
                    box.started = box.started if words[0] == "stop" else time
        return found


def _made(name: str, mapping: Mapping[str, Any], call: Path, time: float) -> Box:
    file = call / "env" / f"{name}.env"
    env = envfile.parse(file.read_bytes()) if file.exists() else {}
    job = mapping.get("restart") == "no"
    return Box(
        id=f"{name}-{call.name}",
        service=name,
        mapping=mapping,
        env=env,
        created=time,
        started=time + 0.5,
        state="exited" if job else "running",
        health="healthy" if "healthcheck" in mapping else "",
    )


def _labels(box: Box) -> dict[str, str]:
    return {
        **box.mapping["labels"],
        "com.docker.compose.project": "demo",
        "com.docker.compose.service": box.service,
    }


def _listed(box: Box) -> dict[str, Any]:
    status = f"Exited ({box.exit_code}) 1 second ago" if box.state == "exited" else "Up 1 second"
    return {
        "Id": box.id,
        "Names": [f"/demo-{box.service}-1"],
        "Image": box.mapping["image"],
        "ImageID": "sha256:1",
        "State": box.state,
        "Status": status + (f" ({box.health})" if box.health else ""),
        "Created": int(box.created),
        "Labels": _labels(box),
        "NetworkSettings": {"Networks": {"demo_default": {}}},
    }


def _inspected(box: Box) -> dict[str, Any]:
    health = (
        {"Status": box.health, "Log": [{"ExitCode": 1, "Output": f"no {SECRET}\n"}]} if box.health else None
    )
    return {
        "Created": _stamp(box.created),
        "RestartCount": box.restarts,
        "State": {
            "Status": box.state,
            "ExitCode": box.exit_code,
            "OOMKilled": box.oom,
            "Pid": 4242,
            "StartedAt": _stamp(box.started),
            "FinishedAt": _stamp(box.started + 60),
            "Health": health,
        },
        "Config": {"Env": ["PATH=/bin", *(f"{key}={value}" for key, value in box.env.items())]},
        "HostConfig": {"Memory": 0},
    }


def _stamp(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class WatchedShell:
    """The real local shell; `before` and `after` hear of each command and may raise."""

    def __init__(self, real: LocalShell) -> None:
        self.real = real
        self.ran: list[str] = []
        self.before: Callable[[Command], None] = lambda command: None
        self.after: Callable[[Command], None] = lambda command: None

    def run(self, command: Command) -> Completed:
        self.before(command)
        completed = self.real.run(command)
        self.ran.append(command.label)
        self.after(command)
        return completed

    def feed(self, command: Command, chunks: Iterable[bytes]) -> Completed:
        self.before(command)
        completed = self.real.feed(command, chunks)
        self.ran.append(command.label)
        self.after(command)
        return completed

    def open(self, command: Command) -> Session:
        return self.real.open(command)

    def attach(self, command: Command, *, tty: bool) -> int:
        return self.real.attach(command, tty=tty)


@dataclass
class Machine:
    """One pretended host; `world` and `connect` begin a new run on it."""

    folder: Path
    events: list[Event] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        (self.folder / "calls").mkdir(parents=True)
        (self.folder / "bin").mkdir()
        docker = self.folder / "bin" / "docker"
        docker.write_text(_DOCKER.replace("$HERE", str(self.folder)))
        docker.chmod(0o755)
        self.say_version("5.6.1")

    @classmethod
    def like(cls, other: Machine, folder: Path) -> Machine:
        """A host as another one is by now, in a folder of its own."""
        made = cls(folder, list(other.events), other.runs)
        for part in ("calls", "top"):
            shutil.copytree(other.folder / part, folder / part, dirs_exist_ok=True)
        return made

    @property
    def directory(self) -> Path:
        return self.folder / "top"

    def say_version(self, version: str | None) -> None:
        file = self.folder / "version"
        file.unlink(missing_ok=True)
        if version:
            file.write_text(version + "\n")

    def fail(self, words: str) -> None:
        """Let docker refuse a command line that holds these words; "" ends that."""
        file = self.folder / "fail"
        file.unlink(missing_ok=True)
        if words:
            file.write_text(words)

    def calls(self) -> list[str]:
        folders = sorted((self.folder / "calls").iterdir(), key=lambda one: int(one.name))
        return [" ".join((one / "words").read_text().split()) for one in folders]

    def forget_calls(self) -> None:
        """Before counting anew; the containers are gone with them."""
        shutil.rmtree(self.folder / "calls")
        (self.folder / "calls").mkdir()

    def files(self) -> dict[str, bytes]:
        """What lies below the directory, without opsctl's own folder."""
        found = {
            str(one.relative_to(self.directory)): one for one in self.directory.rglob("*") if one.is_file()
        }
        return {path: one.read_bytes() for path, one in found.items() if not path.startswith(".opsctl/")}

    def engine_boxes(self) -> dict[str, Box]:
        return self.connect().engine.boxes()

    def audit(self) -> list[dict[str, Any]]:
        file = self.directory / ".opsctl" / "audit.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def connect(self) -> MachineConnection:
        return MachineConnection(self)

    def world(self, connection: MachineConnection | None = None, *, clock: FakeClock | None = None) -> World:
        self.runs += 1
        used = connection or self.connect()
        return World(
            connect=lambda _host: used,
            clock=clock or FakeClock(),
            redact=lambda text: text.replace(SECRET, "***"),
            listen=self.events.append,
            who=Who("ann", "desk", "opsctl deploy prod", f"{self.runs:08x}"),
        )

    def placed(self, host: DesiredHost) -> DesiredHost:
        """The same host with this machine's directory."""
        return replace(host, directory=str(self.directory))


class MachineConnection:
    def __init__(self, machine: Machine) -> None:
        self.counts: Counter[str] = Counter()
        path = f"{machine.folder / 'bin'}:{os.environ['PATH']}"
        self.shell = WatchedShell(local_shell("web", path=path, count=self._count))
        self.engine = PretendedEngine(machine.folder, self._count)
        self.network = FakeNetwork(self._count)

    def _count(self, kind: str) -> None:
        self.counts[kind] += 1

    @property
    def channels(self) -> Mapping[str, int]:
        return dict(self.counts)

    def close(self) -> None:
        pass
