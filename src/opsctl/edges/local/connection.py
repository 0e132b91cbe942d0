"""The port `Connection` on this machine."""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from opsctl.edges.engine.api import HttpEngine
from opsctl.edges.engine.troubles import trouble
from opsctl.edges.local.network import OwnNetwork
from opsctl.edges.local.shell import LocalShell
from opsctl.edges.ports import Stream
from opsctl.errors import EngineUnavailable, UsageError
from opsctl.model.hosts import Host

DEFAULT_SOCKET = "/var/run/docker.sock"
_SCHEME = "unix://"


class LocalConnection:
    """This machine as a host."""

    def __init__(self, name: str, host: Host) -> None:
        self._lock = threading.Lock()
        self._opened: Counter[str] = Counter()
        engine_socket = local_socket(name, host.engine_socket, os.environ)
        self._shell = LocalShell(
            where=name, sudo=host.sudo, engine_socket=engine_socket, environment=os.environ, count=self._count
        )
        self._engine = HttpEngine(LocalDoor(name, engine_socket, self._count))

    @property
    def shell(self) -> LocalShell:
        return self._shell

    @property
    def engine(self) -> HttpEngine:
        return self._engine

    @property
    def network(self) -> OwnNetwork:
        return OwnNetwork()

    @property
    def channels(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._opened)

    def close(self) -> None:
        self._engine.release()

    def _count(self, kind: str) -> None:
        with self._lock:
            self._opened[kind] += 1


class LocalDoor:
    """Implements `Door` on this machine's socket."""

    def __init__(self, where: str, path: str, count: Callable[[str], None]) -> None:
        self.where = where
        self.at_once = 16
        self._path = path
        self._count = count

    def open(self) -> Stream:
        self._count("socket")
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.connect(self._path)
        except OSError as error:
            stream.close()
            raise self.explain(stream, error) from error
        return stream

    def explain(self, stream: Stream, error: Exception) -> EngineUnavailable:  # noqa: ARG002 - a socket says no more
        return trouble(self.where, self._path, "", error)


def local_socket(where: str, configured: str | None, environment: Mapping[str, str]) -> str:
    """The engine's socket: as hosts.toml says, as DOCKER_HOST says, the usual one, or that of a rootless engine.

    Raises UsageError where DOCKER_HOST names something else than a unix socket. `docker context` is not asked.
    """
    if configured:
        return configured
    if given := environment.get("DOCKER_HOST"):
        if given.startswith(_SCHEME):
            return given.removeprefix(_SCHEME)
        raise UsageError(
            f"DOCKER_HOST is {given}: a local connection takes unix://… only",
            where=where,
            hint='unset DOCKER_HOST, or describe that machine in hosts.toml with connection = "ssh"',
        )
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    rootless = Path(runtime, "docker.sock")
    if runtime and rootless.exists() and not os.access(DEFAULT_SOCKET, os.R_OK | os.W_OK):
        return str(rootless)
    return DEFAULT_SOCKET
