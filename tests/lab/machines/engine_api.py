"""Questions to a host's engine over its socket, without a docker client: that would cost 60 ms of processor time each."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from tests.lab.machines.errors import GoneError, LabError

SECONDS: Final = 30


class _Channel(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=SECONDS)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def ask(engine: Path, path: str) -> Any:
    """What GET of a path of the engine's API answers; LabError if it is not 200, GoneError for a 404."""
    with closing(_Channel(engine)) as channel:
        channel.request("GET", path)
        answer = channel.getresponse()
        said = answer.read()
    if answer.status != http.HTTPStatus.OK:
        error = GoneError if answer.status == http.HTTPStatus.NOT_FOUND else LabError
        raise error(f"the engine answers {answer.status} to {path}: {said.decode(errors='replace')}")
    return json.loads(said)


def containers(engine: Path, label: str) -> list[dict[str, Any]]:
    """All containers with a label, the newest first, as the engine lists them."""
    filters = quote(json.dumps({"label": [label]}))
    listed: list[dict[str, Any]] = ask(engine, f"/containers/json?all=1&filters={filters}")
    return listed


def container(engine: Path, identity: str) -> dict[str, Any]:
    """What `docker inspect` shows of a container."""
    facts: dict[str, Any] = ask(engine, f"/containers/{identity}/json")
    return facts
