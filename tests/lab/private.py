"""Registries of one test, at the machine's lab address: Debian's docker-registry, with Basic auth or without, and a silent one."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path

import bcrypt

from tests.lab.machines.layout import MACHINE_ADDRESS
from tests.lab.machines.registry import CONFIGURATION, PROGRAM, STORAGE

_AUTH = "auth: {{htpasswd: {{realm: lab, path: {file}}}}}\n"


@contextmanager
def private_registry(folder: Path, username: str, password: str) -> Iterator[str]:
    """A registry with a copy of the lab registry's content; gives its host:port."""
    folder.mkdir(parents=True, exist_ok=True)
    users = folder / "htpasswd"
    # 2^12 rounds: whoever watches the host's processes has time to see a login.
    users.write_text(f"{username}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(12)).decode()}\n")
    shutil.copytree(STORAGE, folder / "storage")
    with _served(folder, _AUTH.format(file=users), HTTPStatus.UNAUTHORIZED) as address:
        yield address


@contextmanager
def open_registry(folder: Path) -> Iterator[str]:
    """An empty registry that takes what is pushed to it; gives its host:port."""
    folder.mkdir(parents=True, exist_ok=True)
    with _served(folder, "", HTTPStatus.OK) as address:
        yield address


@contextmanager
def _served(folder: Path, extra: str, ready: HTTPStatus) -> Iterator[str]:
    configuration, port = folder / "registry.yml", _free_port()
    settings = CONFIGURATION.format(storage=folder / "storage", address=MACHINE_ADDRESS, port=port)
    configuration.write_text(settings + extra)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", str(configuration)], stdout=log, stderr=log)
    try:
        _wait(port, ready)
        yield f"{MACHINE_ADDRESS}:{port}"
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def silent_registry() -> Iterator[str]:
    """It takes connections and says nothing."""
    with socket.create_server((MACHINE_ADDRESS, 0)) as server:
        yield f"{MACHINE_ADDRESS}:{server.getsockname()[1]}"


def _wait(port: int, ready: HTTPStatus) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            with closing(http.client.HTTPConnection(MACHINE_ADDRESS, port, timeout=1)) as connection:
                connection.request("GET", "/v2/")
                assert connection.getresponse().status == ready
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the registry did not start")


def _free_port() -> int:
    with socket.create_server((MACHINE_ADDRESS, 0)) as probe:
        return int(probe.getsockname()[1])
