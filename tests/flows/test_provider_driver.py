"""Pasted keys, tried at a real HTTP server of this machine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.fakes.edges import FakeClock, FakeConnection

from opsctl.edges.provider import Question, status
from opsctl.errors import CouldNotFindOut, OpsctlError, UsageError
from opsctl.flows.rotation.drivers import provider, registry
from opsctl.flows.rotation.drivers.contract import Driver, Means
from opsctl.flows.world import Who, World
from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate

GOOD = Candidate("v2", "sk-canary-good:41f0")
BAD = Candidate("v3", "sk-canary-bad/ 77")


@dataclass
class Server:
    """Answers 200 to the good key and 401 to others; `codes` come first."""

    port: int
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def code(self, text: str) -> int:
        return self.codes.pop(0) if self.codes else (200 if GOOD.value in text else 401)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = dict(self.headers)
            found.asked.append((self.path, headers))
            self.send_response(found.code(self.path + " " + str(headers)))
            self.send_header("Location", f"{found.base}/elsewhere")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            return

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        found = Server(http.server_address[1])
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield found
        http.shutdown()


@dataclass
class Person:
    """Pastes what the test says, and remembers what was asked for."""

    pastes: str = GOOD.value
    asked: list[str] = field(default_factory=list)

    def __call__(self, what: str) -> str:
        self.asked.append(what)
        return self.pastes


def driver(clock: FakeClock | None = None, person: Person | None = None, **target: str) -> Driver:
    registry.check("llm_key", Secret.model_validate({"class": "provider", "target": target}))
    world = World(
        connect=lambda _host: FakeConnection(),
        clock=clock or FakeClock(),
        redact=lambda text: text,
        listen=lambda _event: None,
        who=Who("me", "here", "opsctl rotate-secret", "r1"),
    )
    known = [Candidate("v1", "sk-old")]
    means = Means("llm_key", target, world, None, bytes, person or Person(), lambda: known)
    return registry.make(means, "provider")


HEADER = "Authorization: Bearer {value}"


def test_a_key_in_a_header(server: Server) -> None:
    one = driver(url=server.base + "/models", header=HEADER)
    assert [one.test(GOOD), one.test(BAD)] == [True, False]
    path, headers = server.asked[0]
    assert path == "/models"
    assert headers["Authorization"] == f"Bearer {GOOD.value}"
    assert one.system == "127.0.0.1"


def test_a_key_in_the_address_is_spelled_as_an_address_has_it(server: Server) -> None:
    one = driver(url=server.base + "/bot{value}/getMe")
    assert [one.test(GOOD), one.test(BAD)] == [True, False]
    assert [path for path, _ in server.asked] == [
        "/botsk-canary-good:41f0/getMe",
        "/botsk-canary-bad%2F%2077/getMe",
    ]


@pytest.mark.parametrize("code, told", [(204, True), (401, False), (403, False)])
def test_yes_and_no(server: Server, code: int, *, told: bool) -> None:
    server.codes = [code]
    assert driver(url=server.base, header=HEADER).test(GOOD) is told


@pytest.mark.parametrize("code", [301, 307, 400, 404, 429, 500, 503])
def test_anything_else_is_asked_again_and_then_is_no_answer(server: Server, code: int) -> None:
    server.codes = [code] * 4
    clock = FakeClock()
    with pytest.raises(CouldNotFindOut, match=f"HTTP {code}") as caught:
        driver(clock, url=server.base + "/{value}").test(GOOD)
    assert clock.slept == [1.0, 2.0, 4.0]
    assert [path for path, _ in server.asked] == ["/sk-canary-good:41f0"] * 4, "a redirect was followed"
    _tells_nothing(caught.value)


def test_a_busy_provider_may_come_round(server: Server) -> None:
    server.codes = [503, 429]
    assert driver(url=server.base, header=HEADER).test(GOOD)


def _tells_nothing(error: OpsctlError) -> None:
    assert "canary" not in str(error) + repr(error) + repr(error.__cause__) + repr(error.__context__)


def test_nobody_there(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    driver(url=server.base + "/{value}").test(GOOD)
    with pytest.raises(CouldNotFindOut, match=r"127\.0\.0\.1 did not answer \(ConnectionError\)") as caught:
        driver(url="http://127.0.0.1:9/{value}").test(GOOD)
    _tells_nothing(caught.value)
    assert "canary" not in caplog.text


@pytest.mark.parametrize("value", ["sk-canary\nX-Other: 1", "sk-canary-€"])
def test_a_value_that_no_header_can_carry(server: Server, value: str) -> None:
    with pytest.raises(UsageError, match="no HTTP header can carry") as caught:
        driver(url=server.base, header=HEADER).test(Candidate("v2", value))
    _tells_nothing(caught.value)
    assert not server.asked


def test_a_proxy_of_the_environment_is_used_and_netrc_is_not(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine api.example.org login me password wrong\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HTTP_PROXY", server.base)
    monkeypatch.setenv("http_proxy", server.base)
    question = Question("http://api.example.org/models", {"Authorization": f"Bearer {GOOD.value}"})
    assert status(question) == 200
    path, headers = server.asked[0]
    assert path == "http://api.example.org/models"
    assert headers["Authorization"] == f"Bearer {GOOD.value}"
    assert GOOD.value not in repr(question)


class TestCreate:
    def test_asks_a_person_for_the_new_one(self) -> None:
        person = Person(f"  {GOOD.value}\n")
        made = driver(person=person, api="openai").create(Secret(), "v2")
        assert made == GOOD
        assert person.asked == ["the new llm_key, as api.openai.com gave it"]

    @pytest.mark.parametrize("pasted, message", [("  ", "no value"), ("sk-old", "has already")])
    def test_wants_a_new_one(self, pasted: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            driver(person=Person(pasted), api="openai").create(Secret(), "v2")


@pytest.mark.parametrize("name", sorted(provider.APIS))
def test_a_known_provider_is_marked_as_never_tried(name: str) -> None:
    api = provider.APIS[name]
    question = api.question("k1")
    assert question.url.startswith("https://")
    assert "k1" in question.url + str(dict(question.headers))
    assert "{" not in question.url + str(list(question.headers.values()))
    assert "unproved" in driver(api=name).steps[1]
    assert driver(api=name).overlaps


def test_a_token_of_a_strange_shape_is_refused_by_telegram_and_not_by_others() -> None:
    assert 404 in provider.APIS["telegram"].refused
    assert 404 not in provider.APIS["openai"].refused
