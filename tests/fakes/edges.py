"""Fakes of Connection, Shell, Session, Engine, Registry, SecretStore and Clock.

    connection = FakeConnection()
    connection.shell.on("push", code=1, stderr="no space left on device")     # by label
    connection.shell.on("docker compose up", effect=lambda command: ...)      # by the beginning of the command line
    connection.engine.answers["/containers/json"] = [{"Id": "abc"}]
    connection.engine.answers["/containers/abc/json"] = lambda query: next(states)
    ...
    assert [command.label for command in connection.shell.ran] == ["look", "push"]

What is programmed last wins. A command that nobody programmed succeeds and prints nothing; an API path that nobody
programmed is not found (None).
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from opsctl.argv.command import Command, Completed
from opsctl.edges.ports import (
    Clock,
    Connection,
    Engine,
    Network,
    Registry,
    SecretStore,
    Session,
    Shell,
    Stream,
)
from opsctl.errors import ConnectFailed, NotInRegistry, NotReached, OpsctlError, UsageError
from opsctl.images.resolved import Resolved
from opsctl.model.references import Reference


class FakeClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.time = now
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class FakeSecretStore:
    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})
        self.logins: dict[str, str] = {}

    def get(self, name: str) -> str:
        if name not in self.values:
            raise UsageError(f"no secret {name}", hint=f"opsctl secrets set {name}")
        return self.values[name]

    def login(self, name: str) -> str:
        self.get(name)
        return self.logins[name]

    def names(self) -> frozenset[str]:
        return frozenset(self.values)


class FakeSession:
    """Prints the lines it was given, then stays silent until `end`; `sent` is what was sent to it."""

    def __init__(
        self, lines: Iterable[str] = (), *, code: int = 0, stderr: bytes = b"", ended: bool = False
    ) -> None:
        self.lines = deque(lines)
        self.sent: list[str] = []
        self.code = code
        self.ended = ended
        self.broken = False
        self.closed = False
        self._stderr = stderr

    def send(self, line: str) -> None:
        if self.broken or self.ended:
            raise ConnectFailed("the other end of a session is gone", where="fake")
        self.sent.append(line)

    def receive(self, timeout: float) -> str | None:
        if self.lines:
            return self.lines.popleft()
        if self.ended or self.broken:
            return None
        raise TimeoutError(f"nothing within {timeout:g} s")

    def exit_code(self, timeout: float) -> int:
        if not (self.ended or self.closed):
            raise TimeoutError(f"no end within {timeout:g} s")
        return self.code

    def stderr(self) -> bytes:
        return self._stderr

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class Programmed:
    """What a command does: an effect may return what it prints, bytes or text; an error is raised instead."""

    start: str
    code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    effect: Callable[[Command], bytes | str | Completed | None] | None = None
    error: Exception | None = None

    def matches(self, command: Command) -> bool:
        return command.label == self.start or str(command).startswith(self.start)


class FakeShell:
    """`ran`, `opened` and `attached` hold the commands in order; threads may share it."""

    def __init__(self, opened: Callable[[str], None] = lambda kind: None) -> None:
        self.ran: list[Command] = []
        self.opened: list[Command] = []
        self.attached: list[Command] = []
        self.sessions: dict[str, FakeSession] = {}
        """By label or beginning of the command line, as `on`."""
        self._programmed: list[Programmed] = []
        self._count = opened
        self._lock = threading.Lock()

    def on(
        self,
        start: str,
        stdout: bytes | str = b"",
        *,
        code: int = 0,
        stderr: bytes | str = b"",
        effect: Callable[[Command], bytes | str | Completed | None] | None = None,
        error: Exception | None = None,
    ) -> None:
        """Program the commands with this label, or whose line begins so."""
        self._programmed.insert(0, Programmed(start, code, _bytes(stdout), _bytes(stderr), effect, error))

    def run(self, command: Command) -> Completed:
        with self._lock:
            self.ran.append(command)
            self._count("exec")
        answer = self._answer(command)
        if answer.error:
            raise answer.error
        printed = answer.effect(command) if answer.effect else None
        if isinstance(printed, Completed):
            return printed
        stdout = answer.stdout if printed is None else _bytes(printed)
        return Completed(command, answer.code, stdout, answer.stderr)

    def feed(self, command: Command, chunks: Iterable[bytes]) -> Completed:
        return self.run(replace(command, stdin=b"".join(chunks)))

    def open(self, command: Command) -> Session:
        self.opened.append(command)
        self._count("session")
        for start, session in self.sessions.items():
            if command.label == start or str(command).startswith(start):
                return session
        return FakeSession()

    def attach(self, command: Command, *, tty: bool) -> int:
        self.attached.append(command)
        self._count("exec")
        answer = self._answer(command)
        if answer.error:
            raise answer.error
        return answer.code

    def labels(self) -> list[str]:
        """The labels of what ran, or the first word where a command has none."""
        return [command.label or command.words[0] for command in self.ran]

    def _answer(self, command: Command) -> Programmed:
        return next((one for one in self._programmed if one.matches(command)), Programmed(""))


class FakeEngine:
    """`answers` by path: a value, an exception to raise, or a function of the query. `asked` holds (path, query)."""

    def __init__(self, opened: Callable[[str], None] = lambda kind: None) -> None:
        self.answers: dict[str, Any] = {}
        self.log_lines: dict[str, list[str]] = {}
        self.memory: dict[str, int] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._count = opened

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        if not self.asked:
            self._count("socket")
        asked = dict(query or {})
        self.asked.append((path, asked))
        answer = self.answers.get(path)
        if isinstance(answer, Exception):
            raise answer
        return answer(asked) if callable(answer) else answer

    def distribution(self, image: str, auth: str = "") -> Any:
        return self.get(f"/distribution/{image}/json", {"auth": auth} if auth else None)

    def logs(self, container: str, *, tail: int, since: float | None = None) -> list[str]:
        return self.log_lines.get(container, [])[-tail:]

    def follow(
        self,
        containers: Mapping[str, str],
        *,
        tail: int,
        since: float | None,
        write: Callable[[str, str], None],
    ) -> None:
        for name, container in containers.items():
            for line in self.log_lines.get(container, [])[-tail:]:
                write(name, line)

    def stats(self, containers: Sequence[str]) -> Mapping[str, int]:
        return {one: self.memory[one] for one in containers if one in self.memory}


class FakeStream:
    """What one `answer` says to what was sent; the other side closes after it."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._sent = b""
        self._left: bytes | None = None

    def sendall(self, data: bytes, /) -> None:
        self._sent += data

    def recv(self, bufsize: int, /) -> bytes:
        if self._left is None:
            self._left = self._answer(self._sent)
        part, self._left = self._left[:bufsize], self._left[bufsize:]
        return part

    def settimeout(self, value: float | None, /) -> None: ...

    def close(self) -> None: ...


class FakeNetwork:
    """`places` by address and port: what is said to what was sent, or the error; elsewhere the connection is refused."""

    def __init__(self, opened: Callable[[str], None] = lambda kind: None) -> None:
        self.places: dict[tuple[str, int], Callable[[bytes], bytes] | Exception] = {}
        self.asked: list[tuple[str, int]] = []
        self._count = opened

    def open(self, address: str, port: int, timeout: float) -> Stream:
        self._count("network")
        self.asked.append((address, port))
        place = self.places.get(
            (address, port), NotReached(f"{address}:{port}: Connection refused", where="fake")
        )
        if isinstance(place, Exception):
            raise place
        return FakeStream(place)


class FakeRegistry:
    """`answers` by what was asked (`repository:tag`, or with its digest) and `lists` by repository; an error is raised.

    What nobody programmed is not there. `asked` holds the questions in order.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Resolved | OpsctlError] = {}
        self.lists: dict[str, Sequence[str] | OpsctlError] = {}
        self.asked: list[str] = []

    def resolve(self, image: Reference) -> Resolved:
        asked = f"{image.key}@{image.digest}" if image.digest else image.key
        self.asked.append(asked)
        answer = self.answers.get(asked, NotInRegistry("no such manifest", where=asked))
        if isinstance(answer, OpsctlError):
            raise answer
        return answer

    def tags(self, image: Reference) -> Sequence[str]:
        self.asked.append(f"tags of {image.familiar_name}")
        answer = self.lists.get(image.familiar_name, ())
        if isinstance(answer, OpsctlError):
            raise answer
        return answer


@dataclass
class FakeConnection:
    """Counts channels as a real one does: one socket for all questions, one channel for each command."""

    counts: Counter[str] = field(default_factory=Counter)
    closed: bool = False

    def __post_init__(self) -> None:
        self._shell = FakeShell(self._opened)
        self._engine = FakeEngine(self._opened)
        self._network = FakeNetwork(self._opened)

    @property
    def shell(self) -> FakeShell:
        return self._shell

    @property
    def engine(self) -> FakeEngine:
        return self._engine

    @property
    def network(self) -> FakeNetwork:
        return self._network

    @property
    def channels(self) -> Mapping[str, int]:
        return dict(self.counts)

    def close(self) -> None:
        self.closed = True

    def _opened(self, kind: str) -> None:
        self.counts[kind] += 1


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _they_implement_the_ports() -> tuple[
    Connection, Shell, Session, Engine, Network, Registry, SecretStore, Clock
]:
    """Checked by mypy; never called."""
    one = FakeConnection()
    return (
        one,
        one.shell,
        FakeSession(),
        one.engine,
        one.network,
        FakeRegistry(),
        FakeSecretStore(),
        FakeClock(),
    )
