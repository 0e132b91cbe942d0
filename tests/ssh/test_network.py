"""TCP as a host sees it, through a real sshd: what is reached, what refuses, what is silent, what may not be tried."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.certificates import Authority
from tests.fakes.servers import LOOPBACK, answering, serving
from tests.ssh.conftest import Connect
from tests.ssh.sshd import Sshd, run_sshd

from opsctl.edges.ports import Stream
from opsctl.edges.web import tls
from opsctl.edges.web.http import Request, exchange
from opsctl.errors import ConnectFailed, CouldNotFindOut, NotReached

OK = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def test_a_request_goes_out_from_the_host(sshd: Sshd, connect: Connect) -> None:
    connection = connect(sshd)
    with serving(OK) as port, contextlib.closing(connection.network.open(LOOPBACK, port, 5.0)) as stream:
        found = exchange(stream, Request("GET", "api", "/"), seconds=5, most=100)
    assert (found.status, found.body) == (200, b"ok")
    assert connection.channels["network"] == 1


def test_https_through_the_host(sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
    leaf = Authority(tmp_path).leaf("api.example.org")
    connection = connect(sshd)
    with serving(OK, leaf.context()) as port:

        def reached() -> Stream:
            stream = connection.network.open(LOOPBACK, port, 5.0)
            stream.settimeout(5.0)
            return stream

        assert tls.show(reached, "api.example.org").names == ("api.example.org",)
        with contextlib.closing(reached()) as plain:
            inside = tls.over_tls(plain, "api.example.org")
            assert exchange(inside, Request("GET", "api", "/"), seconds=5, most=100).status == 200


def test_a_closed_port_refuses(sshd: Sshd, connect: Connect) -> None:
    with socket.create_server((LOOPBACK, 0)) as one:
        port = one.getsockname()[1]
    with pytest.raises(NotReached, match=f"127.0.0.1:{port}: Connection refused") as caught:
        connect(sshd).network.open(LOOPBACK, port, 5.0)
    assert caught.value.where == "web"


def test_a_place_that_is_silent_is_given_up_and_the_connection_goes_on(sshd: Sshd, connect: Connect) -> None:
    """A queue of one that nobody empties: further connections get no answer (Linux drops their SYN)."""
    connection = connect(sshd)
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        full.bind((LOOPBACK, 0))
        full.listen(0)
        for _ in range(3):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(full.getsockname())
        began = time.monotonic()
        with pytest.raises(NotReached, match=r"silent for 0\.5 s"):
            connection.network.open(LOOPBACK, full.getsockname()[1], 0.5)
        assert time.monotonic() - began < 5
    with serving(OK) as port:
        connection.network.open(LOOPBACK, port, 5.0).close()


@pytest.fixture
def closed(folder: Path, client_key: Path) -> Iterator[Sshd]:
    with run_sshd(folder, [client_key], "AllowTcpForwarding no") as server:
        yield server


def test_a_server_that_forwards_nothing_says_so_and_nothing_is_concluded(
    closed: Sshd, connect: Connect
) -> None:
    with serving(OK) as port, pytest.raises(CouldNotFindOut) as caught:
        connect(closed).network.open(LOOPBACK, port, 5.0)
    assert not isinstance(caught.value, NotReached | ConnectFailed)
    assert "AllowTcpForwarding" in caught.value.hint
