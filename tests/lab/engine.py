"""An engine on this very machine for a test session: its own data, socket and addresses, ended by its process."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.machines import boot, requirements
from tests.lab.machines.layout import NETWORK, REGISTRY
from tests.lab.machines.processes import until

_NAME = "local-engine"


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """`socket` may be used by the group whose number is `group`; `plugins` is a DOCKER_CONFIG with Compose in it."""

    socket: Path
    group: int
    plugins: Path

    def docker(self, *words: str) -> str:
        argv = ["docker", "--host", f"unix://{self.socket}", *words]
        environ = {"PATH": os.environ["PATH"], "DOCKER_CONFIG": str(self.plugins)}
        return subprocess.run(argv, capture_output=True, text=True, check=True, env=environ).stdout


@contextmanager
def local_engine(folder: Path, group: int) -> Iterator[LocalEngine]:
    """Start dockerd; no iptables rule of the machine is touched, and published ports are served by docker-proxy."""
    path = folder / "docker.sock"
    settings = {
        "data-root": str(folder / "data"),
        "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "docker.pid"),
        "hosts": [f"unix://{path}"],
        "group": str(group),
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "default-address-pools": [{"base": "10.219.0.0/16", "size": 24}],
        "insecure-registries": [NETWORK],
        "registry-mirrors": [f"http://{REGISTRY}"],
        "cgroup-parent": f"/opsctl-lab/{_NAME}",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "shutdown-timeout": 2,
    }
    (folder / "daemon.json").write_text(json.dumps(settings))
    plugin = folder / "config/cli-plugins/docker-compose"
    plugin.parent.mkdir(parents=True)
    shutil.copy(requirements.compose_binary(), plugin)
    log = folder / "dockerd.log"
    # Mounts of its own, so that none is left on the machine; it ends with this process, however that ends.
    alone = ["setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "private"]
    argv = [*alone, "dockerd", "--config-file", str(folder / "daemon.json")]
    with log.open("wb") as out:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    engine = LocalEngine(path, group, folder / "config")
    try:
        until(lambda: _answers(path), "this machine's engine", seconds=30, log=log)
        yield engine
        _empty(engine)
    finally:
        process.terminate()
        process.wait(30)
        boot.remove_cgroups(_NAME)


def _empty(engine: LocalEngine) -> None:
    """The containers' shims and the networks' bridges would outlive the engine."""
    for kind, remove in (("ps", ["rm", "--force", "--volumes"]), ("network", ["network", "rm"])):
        listed = (
            ["ps", "--all", "--quiet"]
            if kind == "ps"
            else ["network", "ls", "--quiet", "--filter", "type=custom"]
        )
        found = engine.docker(*listed).split()
        if found:
            engine.docker(*remove, *found)


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(2)
            channel.connect(str(path))
            channel.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in channel.recv(64)
    except OSError:
        return False
