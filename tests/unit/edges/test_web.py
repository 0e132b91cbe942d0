"""HTTP and TLS over streams, against real servers on loopback, well-behaved and not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.certificates import Authority
from tests.fakes.servers import LOOPBACK, answering, serving

from opsctl.edges.local.network import OwnNetwork, source_to
from opsctl.edges.ports import Stream
from opsctl.edges.web import tls
from opsctl.edges.web.http import Request, Response, exchange
from opsctl.errors import NotReached


def get(port: int, *, seconds: float = 5.0, most: int = 2**20, request: Request | None = None) -> Response:
    with contextlib.closing(OwnNetwork().open(LOOPBACK, port, 5.0)) as stream:
        return exchange(
            stream, request or Request("GET", "api.example.org", "/up"), seconds=seconds, most=most
        )


def test_an_answer_with_its_headers_and_body() -> None:
    with serving(answering(b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 2\r\n\r\nno")) as port:
        found = get(port)
    assert (found.status, found.headers["retry-after"], found.body) == (503, "5", b"no")


def test_what_is_asked_is_what_was_meant() -> None:
    heard: list[bytes] = []

    def talk(there: socket.socket) -> None:
        heard.append(there.recv(65536))
        there.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    request = Request("POST", "api.example.org:8443", "/v1?x=1", {"Authorization": "Bearer t"}, b"{}")
    with serving(talk) as port:
        assert get(port, request=request).status == 204
    head, _, _body = heard[0].partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /v1?x=1 HTTP/1.1"
    assert {b"Host: api.example.org:8443", b"Authorization: Bearer t", b"Content-Length: 2"} <= set(
        head.splitlines()
    )


def test_of_a_body_no_more_is_read_than_was_asked_for() -> None:
    with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000)) as port:
        assert get(port, most=10).body == b"x" * 10


@pytest.mark.parametrize(
    "talk,error",
    [
        (answering(b""), EOFError),
        (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), ValueError),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), EOFError),
    ],
)
def test_who_hangs_up_or_speaks_something_else(
    talk: Callable[[socket.socket], None], error: type[Exception]
) -> None:
    with serving(talk) as port, pytest.raises(error):
        get(port)


def test_who_drips_is_given_no_more_time_than_who_is_silent() -> None:
    drips = answering(b"HTTP/1.1 200 OK\r\n", *[b"X-Slow: 1\r\n"] * 20, pause=0.1)
    silent = answering(pause=0)

    def hung(there: socket.socket) -> None:
        silent(there)
        time.sleep(1)

    for talk in (drips, hung):
        began = time.monotonic()
        with serving(talk) as port:
            with pytest.raises(TimeoutError):
                get(port, seconds=0.3)
            assert time.monotonic() - began < 0.9


def test_nobody_there_is_said_with_the_place() -> None:
    with socket.create_server((LOOPBACK, 0)) as one:
        port = one.getsockname()[1]
    with pytest.raises(NotReached, match=f"127.0.0.1:{port}: Connection refused"):
        OwnNetwork().open(LOOPBACK, port, 1.0)
    with pytest.raises(NotReached, match=r"nowhere\.invalid: "):
        OwnNetwork().open("nowhere.invalid", 80, 1.0)


def test_the_address_that_this_machine_comes_from() -> None:
    assert source_to("127.0.0.9") == LOOPBACK


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def opener(port: int) -> Callable[[], Stream]:
    def open_stream() -> Stream:
        stream = OwnNetwork().open(LOOPBACK, port, 5.0)
        stream.settimeout(5.0)
        return stream

    return open_stream


def test_a_certificate_of_an_authority_that_nobody_knows_is_read_and_distrusted(authority: Authority) -> None:
    leaf = authority.leaf("n8n.vpn.example.org")
    with serving(answering(b""), leaf.context()) as port:
        found = tls.show(opener(port), "n8n.vpn.example.org")
    assert "n8n.vpn.example.org" in found.names
    assert found.not_before < time.time() < found.not_after
    assert "certificate" in found.distrust


def test_https_whatever_certificate_is_shown(authority: Authority) -> None:
    leaf = authority.leaf("n8n.vpn.example.org")
    talk = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with serving(talk, leaf.context()) as port, contextlib.closing(opener(port)()) as plain:
        stream = tls.over_tls(plain, "n8n.vpn.example.org")
        assert exchange(stream, Request("GET", "n8n.vpn.example.org", "/"), seconds=5, most=99).body == b"ok"


def test_who_does_not_speak_tls_is_an_error_of_tls(tmp_path: Path) -> None:
    with serving(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port, pytest.raises(ssl.SSLError):
        tls.show(opener(port), "n8n.vpn.example.org")
