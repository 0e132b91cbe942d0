"""The lease of a host, from this side: taken, kept alive by a heartbeat, asked before each change, given back."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from opsctl.argv import lease as argv
from opsctl.edges.ports import Clock, Session
from opsctl.errors import ConnectFailed, CouldNotFindOut, LeaseHeld, LeaseLost, OperationFailed
from opsctl.flows.audit_records import interrupted_runs
from opsctl.flows.world import Who, World
from opsctl.state.desired import DesiredHost

HEARTBEAT = 10.0
"""Seconds between two signs of life; the host gives up after argv.lease.SILENCE."""

_ANSWER = 20.0
_TAKING = 60.0
_OLDER_COMMAND = 700.0
"""Seconds to wait for an orphaned command of an earlier run; the longest ones (`up`) end themselves after 600."""


class Lease:
    """A held lease. Every method may be called from any thread."""

    def __init__(self, host: str, session: Session, tail: Iterable[Mapping[str, Any]]) -> None:
        self.host = host
        self.interrupted = interrupted_runs(tail)
        self._session = session
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._lost = ""
        self._heart = threading.Thread(target=self._beat, name=f"lease-{host}", daemon=True)
        self._heart.start()

    def check(self) -> None:
        """Raises LeaseLost where the lease is known to have ended."""
        if self._lost:
            raise LeaseLost(
                f"the lease ended: {self._lost}",
                where=self.host,
                hint="run the same command again; it goes on from what is there now",
            )

    def confirm(self) -> None:
        """As check, after asking the host; takes up to 20 s. The heartbeat of a run that slept may not have noticed yet."""
        self._ask(".")
        self.check()

    def record(self, entry: Mapping[str, Any]) -> None:
        """Append to the host's audit, on disk when this returns. Raises LeaseLost, OperationFailed."""
        self.check()
        answer = self._ask("a " + json.dumps(entry, ensure_ascii=False))
        self.check()
        if answer != "ok":
            raise OperationFailed(
                "cannot write .opsctl/audit.jsonl",
                where=self.host,
                evidence=_lines(self._session.stderr()),
                hint="is the disk full or read-only? `df -h` and `mount` on the host tell",
            )

    def release(self) -> None:
        """Give the lease back; never raises."""
        self._ended.set()
        try:
            with self._lock:
                self._session.send("q")
                self._session.exit_code(5.0)
        except (ConnectFailed, TimeoutError):
            pass
        finally:
            self._session.close()

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT):
            if self._ask(".") is None:
                return

    def _ask(self, line: str) -> str | None:
        with self._lock:
            if self._ended.is_set() or self._lost:
                return None
            try:
                self._session.send(line)
                answer = self._session.receive(_ANSWER)
                self._lost = "" if answer is not None else "the host closed it"
            except ConnectFailed:
                answer, self._lost = None, "the connection is gone"
            except TimeoutError:
                answer, self._lost = None, f"no answer within {_ANSWER:g} s"
            return answer


def take_lease(world: World, host: DesiredHost, tell: Callable[[str], None]) -> Lease:
    """Take the lease of a host and wait for commands that an earlier run left behind; `tell` hears of the waiting.

    Raises LeaseHeld with the holder, ConnectFailed, CouldNotFindOut where the host's folder cannot be written.
    """
    session = world.connect(host.name).shell.open(argv.lease(host.directory))
    try:
        session.send(secrets.token_hex(32))
        session.send(json.dumps(_holder(world.who, world.clock.now()), ensure_ascii=False))
        return Lease(host.name, session, _until_ready(session, host, world.clock, tell))
    except TimeoutError:
        session.close()
        raise CouldNotFindOut(f"taking the lease took over {_TAKING:g} s", where=host.name) from None
    except BaseException:
        session.close()
        raise


def _holder(who: Who, now: float) -> dict[str, Any]:
    return {
        "run": who.run,
        "user": who.user,
        "machine": who.machine,
        "command": who.command,
        "since": round(now),
    }


def _until_ready(
    session: Session, host: DesiredHost, clock: Clock, tell: Callable[[str], None]
) -> list[Mapping[str, Any]]:
    tail: list[Mapping[str, Any]] = []
    began = clock.monotonic()
    room = ""
    while (line := session.receive(_TAKING)) is not None:
        word, _, rest = line.partition(" ")
        if word == "ready":
            return tail
        if word == "held":
            raise held(host.name, rest)
        if word == "disk":
            room = rest
        if word == "audit":
            tail += _parsed(rest)
        if word == "waiting":
            tell("an earlier command still runs on the host")
            if clock.monotonic() - began > _OLDER_COMMAND:
                raise LeaseHeld("a command of an earlier run does not end", where=host.name)
    raise _not_taken(session, host, room)


def held(host: str, text: str) -> LeaseHeld:
    """The error for a lease that is held; `text` is its age in seconds and the holder's JSON, as the host printed them."""
    age, _, written = text.partition(" ")
    holder = next(iter(_parsed(written)), {})
    person = f"{holder.get('user', 'somebody')}@{holder.get('machine', 'somewhere')}"
    return LeaseHeld(
        f"{person} holds the lease since {_spoken(int(age))}: {holder.get('command', 'an unknown command')}",
        where=host,
        hint="nothing was done; try again when it has ended (a dead run's lease is freed within a minute)",
    )


def _spoken(seconds: int) -> str:
    minutes, rest = divmod(max(seconds, 0), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _parsed(text: str) -> list[Mapping[str, Any]]:
    try:
        value = json.loads(text)
    except ValueError:
        return []
    return [value] if isinstance(value, dict) else []


def _not_taken(session: Session, host: DesiredHost, room: str) -> CouldNotFindOut:
    evidence = _lines(session.stderr())
    message, hint = _reason(session.exit_code(5.0), evidence, room, host.directory)
    return CouldNotFindOut(message, where=host.name, evidence=evidence, hint=hint)


def _reason(code: int, said: Sequence[str], room: str, directory: str) -> tuple[str, str]:
    """Message and hint; `room` is what the host printed of its disk: total and available kB."""
    # dash 0.5.12 says "I/O error" of a full disk; mkdir says it in words.
    if room.endswith(" 0") or any("No space left on device" in line for line in said):
        return (
            f"the disk that holds {directory} is full",
            "make room (`docker system df` shows what Docker holds), then run the same command again",
        )
    if any(line.startswith("sudo: ") for line in said):
        return (
            "sudo was refused",
            'sudo must not ask for a password: NOPASSWD in /etc/sudoers.d/opsctl, or sudo = {files = "never", engine = "never"} in hosts.toml',
        )
    if code == argv.UNWRITABLE:
        return f"cannot write to {directory}", "is the disk read-only? `mount` on the host tells"
    if code == argv.NO_RIGHT:
        return (
            f"no right to write to {directory}",
            f"let the login user use sudo without a password, or make {directory} and give it to that user",
        )
    return "the lease could not be taken", ""


def _lines(data: bytes) -> tuple[str, ...]:
    return tuple(data.decode(errors="replace").splitlines()[-5:])
