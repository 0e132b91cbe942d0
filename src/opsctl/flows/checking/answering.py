"""Answers to the questions of checks: commands, requests and handshakes over the connections of this run."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

from opsctl.argv.command import Command, Completed
from opsctl.argv.docker import asked_inside
from opsctl.argv.guard import was_fenced
from opsctl.argv.look import inner_files
from opsctl.argv.seen import read_inner
from opsctl.argv.throwaway import UNTOLD, throwaway
from opsctl.checks.addresses import container_address
from opsctl.checks.questions import (
    Certificate,
    EngineGet,
    Fetch,
    Fetched,
    FilesInside,
    Handshake,
    Inside,
    Logs,
    OnHost,
    OwnTime,
    Pause,
    Question,
    Ran,
    Reach,
    Reached,
    Shown,
    SourceTo,
    UnansweredError,
)
from opsctl.checks.situation import Situation
from opsctl.checks.throwaway import Claim, Throwaway
from opsctl.edges.ports import Network, Stream
from opsctl.edges.web import tls
from opsctl.edges.web.http import Request, exchange
from opsctl.errors import NotReached, OpsctlError, Silent
from opsctl.flows.checking.claims import Claims
from opsctl.flows.checking.once import Once
from opsctl.flows.world import World
from opsctl.model.values import Unfit
from opsctl.state.observed import ObservedContainer

COMMANDS_AT_ONCE = 4
"""Of checks on one host: sshd allows ten sessions (MaxSessions), and a lease may be one of them."""

_ALIVE = 10.0
_PORTS = {"http": 80, "https": 443}
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Outside:
    """The operator's own machine as a place to ask from; `source_to` as of opsctl.edges.local.network."""

    network: Network
    source_to: Callable[[str], str]


class Answers:
    """Asks for one run of checks, until it is closed; threads share it."""

    def __init__(self, world: World, situation: Situation, outside: Outside) -> None:
        self._world = world
        self._situation = situation
        self._outside = outside
        self._lock = Lock()
        self._turns: dict[str, BoundedSemaphore] = {}
        self._addresses: dict[tuple[str, str], str] = {}
        self._shared: Once[OnHost, Ran] = Once()
        self._claims = Claims(world)

    def close(self) -> None:
        self._claims.release()

    def answer(self, question: Question) -> Any:
        """What the question is answered with (see opsctl.checks.questions). Raises UnansweredError."""
        try:
            return self._answer(question)
        except OpsctlError as error:
            raise UnansweredError(error.message) from error

    def _answer(self, question: Question) -> Any:
        match question:
            case OnHost():
                return (
                    self._shared.get(question, self._on_host) if question.shared else self._on_host(question)
                )
            case Inside():
                return self._inside(question)
            case Throwaway():
                return self._throwaway(question)
            case Claim():
                return self._claims.hold(question.host)
            case FilesInside():
                return self._files_inside(question)
            case Fetch():
                return self._fetch(question)
            case Handshake():
                return self._handshake(question)
            case Reach():
                return self._reach(question)
            case SourceTo():
                return self._outside.source_to(question.address)
            case OwnTime():
                return self._world.clock.now()
            case EngineGet():
                return self._world.connect(question.host).engine.get(question.path, question.query)
            case Logs():
                container = self._container(question.host, question.service)
                return self._world.connect(question.host).engine.logs(
                    container, tail=question.tail, since=question.since
                )
            case Pause():
                return self._world.clock.sleep(question.seconds)
            case _:
                raise TypeError(question)

    def _on_host(self, question: OnHost) -> Ran:
        command = Command(
            question.words,
            stdin=question.stdin,
            timeout=question.timeout,
            privilege=question.privilege,
            label="check",
        )
        return _ran(self._run(question.host, command))

    def _inside(self, question: Inside) -> Ran:
        container = self._container(question.host, question.service)
        command = asked_inside(
            container, question.words, question.stdin, user=question.user, timeout=question.timeout
        )
        return _ran(self._run(question.host, command))

    def _throwaway(self, question: Throwaway) -> Ran:
        directory, run = self._situation.hosts[question.host].desired.directory, self._world.who.run
        try:
            command = throwaway(
                directory,
                run,
                image=question.image,
                words=question.words,
                stdin=question.stdin,
                env=question.env,
                capabilities=question.capabilities,
                memory=question.memory,
                timeout=question.timeout,
                user=question.user,
            )
        except Unfit as reason:
            raise UnansweredError(str(reason)) from reason
        completed = self._run(question.host, command)
        if was_fenced(completed.code, completed.stderr):
            raise UnansweredError("another run has taken the lease")
        if completed.code < 0 or completed.code in UNTOLD:
            said = _ran(completed).last_line()
            raise UnansweredError(f"{question.words[0]} in the new image did not come to an end: {said}")
        return _ran(completed)

    def _files_inside(self, question: FilesInside) -> dict[str, str | None]:
        container = self._running(question.host, question.service)
        pid = container.inspected.pid if container.inspected else 0
        wanted = tuple((question.service, container.id, pid, target) for target in question.targets)
        found = read_inner(self._run(question.host, inner_files(wanted)).stdout)
        return dict.fromkeys(question.targets) | {one.target: one.sha256 for one in found}

    def _run(self, host: str, command: Command) -> Completed:
        with self._turn(host):
            return self._world.connect(host).shell.run(command)

    def _turn(self, host: str) -> BoundedSemaphore:
        with self._lock:
            return self._turns.setdefault(host, BoundedSemaphore(COMMANDS_AT_ONCE))

    def _fetch(self, question: Fetch) -> Fetched:
        parts = urlsplit(question.url)
        name = parts.hostname or ""
        port = parts.port or _PORTS.get(parts.scheme, 0)
        if not name or not port:
            raise UnansweredError(f"{question.url!r} is not an http or https URL")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        request = Request(
            question.method, parts.netloc.rpartition("@")[2], target, question.headers, question.body
        )
        address = question.address or name
        if question.service:
            address = self._address(question.via, question.service)

        def ask() -> Fetched:
            with contextlib.closing(self._open(question.via, address, port, question.timeout)) as plain:
                stream: Stream = plain
                if parts.scheme == "https":
                    plain.settimeout(question.timeout)
                    stream = tls.over_tls(plain, name)
                found = exchange(stream, request, seconds=question.timeout, most=question.most)
            return Fetched(found.status, found.headers, found.body)

        return self._or_silence(ask, lambda reason: Fetched(0, reason=reason), question.via, question.timeout)

    def _handshake(self, question: Handshake) -> Shown:
        def open_stream() -> Stream:
            stream = self._open(question.via, question.address, question.port, question.timeout)
            stream.settimeout(question.timeout)
            return stream

        def ask() -> Shown:
            found = tls.show(open_stream, question.name)
            return Shown(
                Certificate(found.not_before, found.not_after, found.names, found.issuer, found.distrust)
            )

        return self._or_silence(ask, lambda reason: Shown(None, reason), question.via, question.timeout)

    def _reach(self, question: Reach) -> Reached:
        def ask() -> Reached:
            self._open(question.via, question.address, question.port, question.timeout).close()
            return Reached(open=True)

        return self._or_silence(
            ask, lambda reason: Reached(open=False, reason=reason), question.via, question.timeout
        )

    def _or_silence(
        self, ask: Callable[[], _Answer], silence: Callable[[str], _Answer], via: str, seconds: float
    ) -> _Answer:
        """What was asked for, or that nobody answered, in words. Silence counts only where the machine that it was asked through
        is heard: behind a cable that was pulled nothing answers, whatever is well there.
        """
        try:
            return ask()
        except NotReached as error:
            if not isinstance(error, Silent):
                return silence(error.message)
            reason = error.message
        except TimeoutError:
            reason = f"no answer within {seconds:g} s"
        except ssl.SSLError as error:
            reason = f"no TLS: {error.reason or error}".replace("_", " ").lower()
        except (OSError, EOFError, ValueError) as error:
            reason = str(error) or type(error).__name__
        if via:
            alive = Command(("true",), timeout=_ALIVE, privilege="none", label="alive")
            if self._run(via, alive).code:
                raise UnansweredError(f"{via} itself does not answer")
        return silence(reason)

    def _open(self, via: str, address: str, port: int, timeout: float) -> Stream:
        network = self._world.connect(via).network if via else self._outside.network
        return network.open(address, port, timeout)

    def _container(self, host: str, service: str) -> str:
        return self._running(host, service).id

    def _running(self, host: str, service: str) -> ObservedContainer:
        found = self._situation.service(host, service).container
        if found is None or found.state != "running":
            raise UnansweredError(f"{service} does not run")
        return found

    def _address(self, host: str, service: str) -> str:
        with self._lock:
            known = self._addresses.get((host, service))
        if known:
            return known
        container = self._container(host, service)
        body = self._world.connect(host).engine.get(f"/containers/{container}/json") or {}
        address = container_address(body)
        if not address:
            raise UnansweredError(f"{service} has no address on a network of its host")
        with self._lock:
            self._addresses[host, service] = address
        return address


def _ran(completed: Completed) -> Ran:
    return Ran(completed.code, completed.stdout, completed.stderr)
