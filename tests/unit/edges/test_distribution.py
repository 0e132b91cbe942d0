"""The engine's answers about images of registries, word for word as engine 20.10.24 gave them."""

from __future__ import annotations

import json

import pytest
from tests.unit.edges.test_http import Doors, Pieces, reply

from opsctl.edges.engine.api import HttpEngine
from opsctl.errors import CouldNotFindOut, EngineUnavailable, OpsctlError, RegistryUnavailable

FOUND = {"Descriptor": {"digest": "sha256:0"}, "Platforms": []}


def ask(body: object, status: str = "200 OK", kind: str = "application/json") -> object:
    stream = Pieces(reply(json.dumps(body).encode(), status=status, kind=kind))
    return HttpEngine(Doors(stream)).distribution("r.example:5000/a/b:1")


def test_what_is_asked_and_on_a_stream_of_its_own() -> None:
    kept, apart = Pieces(reply(b"[]"), reply(b"[]")), Pieces(reply(json.dumps(FOUND).encode()))
    engine = HttpEngine(Doors(kept, apart))
    engine.get("/x")

    assert engine.distribution("r.example:5000/a/b:1", "c2VjcmV0") == FOUND

    assert apart.sent == (
        b"GET /distribution/r.example:5000/a/b:1/json HTTP/1.1\r\nHost: docker\r\nUser-Agent: opsctl\r\n"
        b"X-Registry-Auth: c2VjcmV0\r\n\r\n"
    )
    assert apart.closed
    assert engine.get("/x") == []


def test_without_a_login_none_is_sent() -> None:
    stream = Pieces(reply(json.dumps(FOUND).encode()))
    HttpEngine(Doors(stream)).distribution("a:1")
    assert b"Auth" not in stream.sent


def test_no_such_image_is_nothing() -> None:
    assert ask({"message": "manifest unknown: manifest unknown"}, "404 Not Found") is None


@pytest.mark.parametrize(
    "status,said,kind,hint",
    [
        ("500 Oops", 'Head "http://r/v2/": no basic auth credentials', RegistryUnavailable, "login = {…}"),
        ("401 No", "unauthorized: authentication required", RegistryUnavailable, "login = {…}"),
        ("403 No", "denied: requested access to the resource is denied", RegistryUnavailable, "login = {…}"),
        ("500 Oops", "dial tcp: connect: connection refused", RegistryUnavailable, "can web reach"),
        ("400 Bad", "invalid reference format", CouldNotFindOut, ""),
    ],
)
def test_the_engines_words_come_through(status: str, said: str, kind: type[OpsctlError], hint: str) -> None:
    with pytest.raises(kind) as error:
        ask({"message": said}, status)

    assert type(error.value) is kind
    assert error.value.message == f"the engine cannot ask about r.example:5000/a/b:1: {said}"
    assert error.value.hint.startswith(hint) or hint in error.value.hint
    assert bool(error.value.hint) == bool(hint)


def test_something_before_the_engine_forbids_it() -> None:
    with pytest.raises(EngineUnavailable):
        ask("forbidden", "403 Forbidden", "text/plain")


def test_a_stream_that_breaks_or_says_nonsense() -> None:
    with pytest.raises(EngineUnavailable, match="broke off"):
        HttpEngine(Doors(Pieces())).distribution("a:1", "secret")
    with pytest.raises(CouldNotFindOut, match="is not JSON"):
        HttpEngine(Doors(Pieces(reply(b"{")))).distribution("a:1")
