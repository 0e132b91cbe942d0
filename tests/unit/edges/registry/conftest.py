from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.certificates import Authority, Leaf
from tests.fakes.registry_server import RegistryServer
from tests.unit.edges.registry.rig import Rig

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def leaf(authority: Authority) -> Leaf:
    """For registry.test, and for every server that is asked by another name."""
    return authority.leaf("registry.test", "127.0.0.1")


@pytest.fixture
def rig(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    for name in (*PROXIES, *map(str.lower, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    made = Rig(tmp_path, authority, environ={"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")})
    real = socket.getaddrinfo

    def lookup(host: str, port: int, *rest: Any, **named: Any) -> Any:
        """The names of a test lead to this machine; no other name is looked up."""
        if (host, port) in made.servers:
            return real("127.0.0.1", made.servers[host, port], *rest, **named)
        if host.endswith(".test"):
            return real("127.0.0.1", port, *rest, **named)
        if host in {"127.0.0.1", "localhost"}:
            return real("127.0.0.1", port, *rest, **named)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    yield made
    for client in made.clients:
        client.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Leaf | None], RegistryServer]]:
    with ExitStack() as stack:

        def start(leaf: Leaf | None = None) -> RegistryServer:
            return stack.enter_context(RegistryServer(leaf.context() if leaf else None))

        yield start


@pytest.fixture
def server(serve: Callable[[], RegistryServer]) -> RegistryServer:
    """Plain HTTP on 127.0.0.1, where every registry may be asked so."""
    return serve()
