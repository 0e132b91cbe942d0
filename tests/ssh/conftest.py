"""Servers and connections for the tests over real SSH."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.ssh.sshd import Sshd, make_key, missing, run_sshd

from opsctl.edges.ssh.connection import SshConnection, open_ssh
from opsctl.model.hosts import Environment, Host

Connect = Callable[..., SshConnection]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    reason = missing()
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.ssh)
        if reason and os.environ.get("CI") != "true":
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def client_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("client") / "id")


@contextmanager
def _open_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="opsctl-sshd-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own."""
    with _open_folder() as folder:
        yield folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """As shared_folder, for one test."""
    with _open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def sshd(client_key: Path) -> Iterator[Sshd]:
    """A server as Debian sets it up, with two host keys."""
    with _open_folder() as folder, run_sshd(folder, [client_key], host_keys=("ed25519", "rsa")) as server:
        yield server


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of hosts.toml."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def connect(root: Path, client_key: Path) -> Iterator[Connect]:
    """Opens connections as hosts.toml would ask for, root with the client's key unless told otherwise; closes them."""
    with ExitStack() as opened:

        def open_one(
            server: Sshd | None = None, *, name: str = "web", directory: str = "/opt/demo", **fields: object
        ) -> SshConnection:
            settings: dict[str, object] = {
                "user": "root",
                "identity_files": (str(client_key),),
                "ssh_config": "none",
            }
            if server:
                settings |= {"addresses": (server.address,), "host_key": (server.public(),)}
            host = Host.model_validate(settings | fields)
            connection = open_ssh(name, host, Environment(hosts=(name,)), root, directory=directory)
            opened.callback(connection.close)
            return connection

        yield open_one
