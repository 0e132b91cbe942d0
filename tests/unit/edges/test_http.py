"""HTTP over one stream, however it is cut into pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.edges.engine.api import HttpEngine, memory_in_use
from opsctl.edges.engine.http import HttpStream
from opsctl.edges.engine.troubles import trouble
from opsctl.edges.ports import Stream
from opsctl.errors import CouldNotFindOut, EngineUnavailable

DIAL = "failed to open the raw stream connection: dial unix /run/docker.sock:"
"""As the docker client 20.10.24 begins."""


class Pieces:
    """A stream that gives what it was told to, in pieces, then ends."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.sent = b""
        self.closed = False

    def recv(self, bufsize: int, /) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if len(piece) > bufsize:
            self.pieces.insert(0, piece[bufsize:])
        return piece[:bufsize]

    def sendall(self, data: bytes, /) -> None:
        self.sent += data

    def settimeout(self, value: float | None, /) -> None: ...

    def close(self) -> None:
        self.closed = True


class Doors:
    """Opens the given streams one after the other."""

    where = "web"
    at_once = 1

    def __init__(self, *streams: Pieces) -> None:
        self.streams = list(streams)

    def open(self) -> Stream:
        return self.streams.pop(0)

    def explain(self, stream: Stream, error: Exception) -> EngineUnavailable:
        assert stream
        return trouble(self.where, "/run/docker.sock", "", error)


def reply(body: bytes, *, status: str = "200 OK", kind: str = "application/json", chunks: int = 0) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
    if not chunks:
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    parts = [body[start : start + chunks] for start in range(0, len(body), chunks)]
    text = b"".join(f"{len(part):X};x=y\r\n".encode() + part + b"\r\n" for part in parts)
    return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + text + b"0\r\nTrailer: x\r\n\r\n"


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(0, 50), st.integers(1, 40))
def test_answers_come_whole_and_apart_however_they_are_cut(
    bodies: list[bytes], chunks: int, cut: int
) -> None:
    wire = b"".join(reply(body, chunks=chunks if body else 0) for body in bodies)
    http = HttpStream(Pieces(*(wire[start : start + cut] for start in range(0, len(wire), cut))), 1.0)

    assert [http.get("/x").body for _ in bodies] == bodies


def test_what_is_asked() -> None:
    stream = Pieces(reply(b"[]"))

    assert HttpEngine(Doors(stream)).get("/containers/json", {"filters": '{"a": 1}'}) == []
    assert stream.sent.startswith(
        b"GET /containers/json?filters=%7B%22a%22%3A+1%7D HTTP/1.1\r\nHost: docker\r\n"
    )


def test_a_path_cannot_bring_a_second_request() -> None:
    stream = Pieces(reply(b"[]"))

    HttpEngine(Doors(stream)).get("/images/a b\r\nX: y/json")

    assert stream.sent.splitlines()[0] == b"GET /images/a%20b%0D%0AX%3A%20y/json HTTP/1.1".replace(
        b"%3A", b":"
    )


def test_an_answer_that_ends_with_the_stream() -> None:
    response = HttpStream(Pieces(b"HTTP/1.0 200 OK\r\n\r\nall", b" of it"), 1.0).get("/x")

    assert response.body == b"all of it"


@pytest.mark.parametrize("wire", [b"SSH-2.0-OpenSSH\r\n", b"220 mail\r\n", b"x" * 70000])
def test_what_does_not_speak_http(wire: bytes) -> None:
    with pytest.raises(EngineUnavailable, match="does not speak HTTP"):
        HttpEngine(Doors(Pieces(wire))).get("/version")


def test_a_first_stream_that_ends_is_not_asked_again() -> None:
    doors = Doors(Pieces(), Pieces(reply(b"[]")))

    with pytest.raises(EngineUnavailable, match="broke off"):
        HttpEngine(doors).get("/version")
    assert len(doors.streams) == 1


def test_a_kept_stream_that_ended_is_opened_anew_once() -> None:
    engine = HttpEngine(Doors(Pieces(reply(b"[1]")), Pieces(reply(b"[2]"))))

    assert [engine.get("/a"), engine.get("/a")] == [[1], [2]]


@pytest.mark.parametrize(
    "status,kind",
    [("400 Bad", CouldNotFindOut), ("500 Oops", CouldNotFindOut), ("403 No", EngineUnavailable)],
)
def test_errors_carry_the_engines_words(status: str, kind: type[Exception]) -> None:
    stream = Pieces(reply(json.dumps({"message": "because"}).encode(), status=status))

    with pytest.raises(kind, match=f"answered {status[:3]} to /x: because"):
        HttpEngine(Doors(stream)).get("/x")


def test_not_found_is_nothing() -> None:
    assert HttpEngine(Doors(Pieces(reply(b"{}", status="404 Not Found")))).get("/x") is None


def test_an_empty_answer_is_nothing_and_a_cut_one_is_an_error() -> None:
    engine = HttpEngine(Doors(Pieces(reply(b""), reply(b'{"a":'))))

    assert engine.get("/containers/abc/stats") is None
    with pytest.raises(CouldNotFindOut, match="is not JSON"):
        engine.get("/x")


@pytest.mark.parametrize(
    "stats,expected",
    [
        ({"memory_stats": {"usage": 1000, "stats": {"inactive_file": 300}}}, 700),
        ({"memory_stats": {"usage": 1000, "stats": {"total_inactive_file": 400, "inactive_file": 1}}}, 600),
        ({"memory_stats": {"usage": 100, "stats": {"inactive_file": 300}}}, 100),
        ({"memory_stats": {"usage": 1000}}, 1000),
        ({"memory_stats": {}}, None),
        ({}, None),
    ],
)
def test_memory_without_the_page_cache(stats: dict[str, object], expected: int | None) -> None:
    assert memory_in_use(stats) == expected


@pytest.mark.parametrize(
    "said,error,words",
    [
        (f"{DIAL} connect: permission denied", EOFError(), "may not use"),
        ("", PermissionError(), "may not use"),
        ("sh: 1: docker: not found", EOFError(), "no docker command"),
        (f"{DIAL} connect: connection refused", EOFError(), "is stopped"),
        ("", ConnectionRefusedError(), "is stopped"),
        ("", FileNotFoundError(), "there is no engine socket"),
        (f"{DIAL} connect: no such file or directory", EOFError(), "there is no engine socket"),
        ("sudo: a password is required", EOFError(), "sudo was refused"),
        ("", EOFError("the engine closed the stream"), "broke off: the engine closed the stream"),
    ],
)
def test_each_trouble_has_its_own_words_and_a_way_out(said: str, error: Exception, words: str) -> None:
    problem = trouble("web", "/run/docker.sock", said, error)

    assert words in problem.message
    assert problem.hint
