"""A project of a test on the lab: its files in a folder, opsctl run as a person runs it, and what the hosts then hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsctl.edges.clock import SystemClock
from opsctl.edges.sops.identities import generate, load
from opsctl.edges.sops.store import SopsStore
from tests.lab.machines import Lab, LabHost, engine_api
from tests.lab.machines.errors import GoneError

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Run:
    """How a run of opsctl ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout + self.stderr

    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True, slots=True)
class Site:
    """One project: `root` is its folder; hosts are the lab's, under the names they have there."""

    root: Path
    lab: Lab
    project: str
    hosts: Mapping[str, LabHost] = field(default_factory=dict)
    folder: str = ""
    """The directory on the hosts where hosts.toml names one."""

    @property
    def directory(self) -> str:
        return self.folder or f"/opt/{self.project}"

    def host(self, name: str = "") -> LabHost:
        """A host by name; the first one by default."""
        return self.hosts[name or next(iter(self.hosts))]

    # Files of the operator.

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text that must be there, so that a test does not pass because nothing was changed."""
        target = self.root / path
        before = target.read_text()
        assert old in before, f"{path} does not hold {old!r}"
        target.write_text(before.replace(old, new))

    def hosts_toml(
        self, stacks: Mapping[str, list[str]], *, extra: str = "", secrets: str = "generated", **facts: str
    ) -> None:
        """hosts.toml with one environment `lab`; `facts` are more keys of every host, as TOML values.

        Its secrets are made up, or with "" kept in an encrypted store, which `keep_store` makes.
        """
        key = CHECKOUT / ".lab" / "id_ed25519"
        lines = [
            f'project = "{self.project}"',
            "[environments.lab]",
            f"hosts = {json.dumps(list(stacks))}",
            f'known_hosts = "{CHECKOUT}/.lab/known_hosts"',
            *((f'secrets = "{secrets}"',) if secrets else ()),
            "[environments.lab.vars]",
            f'registry = "{self.lab.registry}/lab"',
        ]
        for name, wanted in stacks.items():
            values = {
                "addresses": json.dumps([self.lab.host(name).address]),
                "user": '"root"',
                "identity_files": json.dumps([str(key)]),
                "stacks": json.dumps(wanted),
                **facts,
            }
            lines += [f"[hosts.{name}]", *(f"{key} = {value}" for key, value in values.items())]
        self.write("hosts.toml", "\n".join([*lines, extra, ""]))

    # Its secrets.

    @property
    def key_file(self) -> Path:
        return self.root.parent / "age" / "keys.txt"

    def keep_store(self) -> None:
        """An age key for this project alone, and a store that it opens."""
        self.key_file.parent.mkdir()
        text, _recipient = generate()
        self.key_file.touch(mode=0o600)
        self.key_file.write_text(text)
        self.opsctl("secrets", "init", "lab", "--yes")

    def set_secret(self, name: str, *options: str, value: str = "") -> None:
        """Set it to a value, or to one that is made up."""
        if value:
            self.opsctl("secrets", "set", name, "-e", "lab", *options, stdin=value)
        else:
            self.opsctl("secrets", "set", name, "-e", "lab", "--generate", "32", *options)

    @property
    def store(self) -> SopsStore:
        """The store, read and opened without the command line."""
        return SopsStore(
            self.root / "secrets" / "lab.sops.yaml",
            "lab",
            identities=lambda: load({"SOPS_AGE_KEY_FILE": str(self.key_file)}, self.root),
            clock=SystemClock(),
        )

    # opsctl, as a person runs it.

    @property
    def environ(self) -> dict[str, str]:
        keys = {"SOPS_AGE_KEY_FILE": str(self.key_file)} if self.key_file.exists() else {}
        return {**os.environ, "XDG_STATE_HOME": str(self.root / ".state"), **keys}

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "opsctl", "--project", str(self.root), *words]

    def opsctl(
        self,
        *words: str,
        code: int | None = 0,
        seconds: float = 180,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> Run:
        """Run it to its end without a terminal; `code` is what it must end with (None: anything)."""
        done = subprocess.run(
            self.argv(*words),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={**self.environ, **(env or {})},
        )
        run = Run(done.returncode, done.stdout, done.stderr)
        assert code is None or run.code == code, f"exit {run.code}, expected {code}\n{run.text}"
        return run

    def deploy(self, *words: str, code: int | None = 0) -> Run:
        return self.opsctl("deploy", "lab", *words, "--yes", code=code)

    def plan(self, *words: str, code: int | None = 0) -> Run:
        return self.opsctl("plan", "lab", *words, code=code)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Run it in the background; the caller ends it."""
        return subprocess.Popen(
            self.argv(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environ,
        )

    # What the hosts hold.

    def container(self, service: str, host: str = "") -> Container:
        """The one container of a service, as the engine describes it."""
        ids = self.containers(host).get(service, [])
        assert len(ids) == 1, f"{service} has {len(ids)} containers on {host}"
        return Container(engine_api.container(self.host(host).docker_socket, ids[0]))

    def inspected(self, host: str = "") -> list[Container]:
        """Every container of the project that is there from the list to the answer."""
        found = []
        for one in [one for ids in self.containers(host).values() for one in ids]:
            with suppress(GoneError):
                found.append(Container(engine_api.container(self.host(host).docker_socket, one)))
        return found

    def containers(self, host: str = "") -> dict[str, list[str]]:
        """Ids of all containers of the project, by service."""
        label = f"com.docker.compose.project={self.project}"
        found: dict[str, list[str]] = {}
        for one in engine_api.containers(self.host(host).docker_socket, label):
            found.setdefault(one["Labels"]["com.docker.compose.service"], []).append(one["Id"])
        return found

    def typed(self, *words: str, host: str = "") -> str:
        """`docker compose …` typed on the host, in the project's directory."""
        done = self.host(host).run(
            ["sh", "-c", 'cd "$1" && shift && exec docker compose "$@"', "typed", self.directory, *words]
        )
        return done.stdout.decode() + done.stderr.decode()

    def read(self, path: str, host: str = "") -> str:
        return self.host(host).run(["cat", f"{self.directory}/{path}"]).stdout.decode()

    def put(self, path: str, text: str, host: str = "") -> None:
        """Edit a file on the host by hand, in place."""
        self.host(host).run(
            ["sh", "-c", 'cat > "$1"', "put", f"{self.directory}/{path}"], stdin=text.encode()
        )

    def inner(self, service: str, path: str, host: str = "") -> str:
        """A file as the running container sees it; never by `docker cp`, which shows the host's (compose-traps 10)."""
        pid = self.container(service, host).pid
        return self.host(host).run(["cat", f"/proc/{pid}/root{path}"]).stdout.decode()

    def snapshot(self) -> dict[str, Any]:
        """Everything that a deploy which changes nothing leaves as it is: ids, start times, inodes, contents."""
        found: dict[str, Any] = {}
        for name, host in self.hosts.items():
            found[name] = {one.id: (one.created, one.started) for one in self.inspected(name)}
            script = 'cd "$1" 2>/dev/null || exit 0; find compose.yml env files -type f -exec stat -c "%n %i %Y %a" {} + | sort'
            found[f"{name} files"] = host.run(["sh", "-c", script, "stat", self.directory]).stdout.decode()
        return found


@contextmanager
def empty_site(lab: Lab, root: Path, name: str, *names: str) -> Iterator[Site]:
    """For a test, or for several of one file that share what they deployed; the folder is made."""
    root.mkdir()
    hosts = {one: lab.host(one) for one in names}
    with ExitStack() as stack:
        for _, host in sorted(hosts.items()):
            stack.enter_context(host.reserved())
        for host in hosts.values():
            host.wipe()
        yield Site(root, lab, name, hosts)
        for host in hosts.values():
            host.wipe()


@dataclass(frozen=True, slots=True)
class Container:
    """An inspected container."""

    facts: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.facts["Id"])

    @property
    def service(self) -> str:
        return self.labels["com.docker.compose.service"]

    @property
    def created(self) -> str:
        return str(self.facts["Created"])

    @property
    def pid(self) -> int:
        return int(self.facts["State"]["Pid"])

    @property
    def running(self) -> bool:
        return bool(self.facts["State"]["Running"])

    @property
    def exit_code(self) -> int:
        return int(self.facts["State"]["ExitCode"])

    @property
    def image(self) -> str:
        """The reference that it was made with."""
        return str(self.facts["Config"]["Image"])

    @property
    def networks(self) -> dict[str, Any]:
        return dict(self.facts["NetworkSettings"]["Networks"])

    @property
    def started(self) -> str:
        return str(self.facts["State"]["StartedAt"])

    @property
    def env(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.facts["Config"]["Env"])

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.facts["Config"]["Labels"])
