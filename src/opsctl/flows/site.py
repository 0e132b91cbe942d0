"""One host while it is being changed: its connection, its lease, and what a command's failure means."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from opsctl.argv.command import Command, Completed
from opsctl.argv.guard import OUT_OF_TIME, was_fenced
from opsctl.edges.ports import Connection
from opsctl.errors import CommandFailed, Interrupted, LeaseLost
from opsctl.flows.events import Event, EventKind
from opsctl.flows.lease import Lease
from opsctl.flows.world import World
from opsctl.state.desired import DesiredHost


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that changing one host needs; `stop` is set when the operator asks the run to end."""

    world: World
    host: DesiredHost
    connection: Connection
    lease: Lease
    stop: threading.Event = field(default_factory=threading.Event)
    began: float = 0.0
    """On the monotonic clock: when the run began."""

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def directory(self) -> str:
        return self.host.directory

    @property
    def run_id(self) -> str:
        return self.world.who.run

    def tell(self, kind: EventKind, subject: str = "", detail: str = "") -> None:
        tell(self.world, self.name, kind, began=self.began, subject=subject, detail=detail)

    def check(self) -> None:
        """Between two effects. Raises Interrupted or LeaseLost."""
        if self.stop.is_set():
            raise Interrupted("interrupted; what had begun was finished", where=self.name)
        self.lease.check()

    def run(self, command: Command) -> Completed:
        """Run a guarded command that must succeed. Raises Interrupted, LeaseLost, CommandFailed, ConnectFailed."""
        completed = self.attempt(command)
        if not completed.ok:
            raise self.failure(completed)
        return completed

    def attempt(self, command: Command) -> Completed:
        """Run a guarded command whose exit code the caller reads. Raises Interrupted, LeaseLost, ConnectFailed."""
        self.check()
        completed = self.connection.shell.run(command)
        if was_fenced(completed.code, completed.stderr):
            raise LeaseLost("another run has taken the lease", where=self.name)
        return completed

    def failure(self, completed: Completed, message: str = "", hint: str = "") -> CommandFailed:
        """The error for a command that did not succeed, with the end of what it printed, redacted."""
        label = completed.command.label
        return CommandFailed(
            message or f"{label} {_ended(completed.code)}",
            where=self.name,
            hint=hint,
            evidence=self.redacted("\n".join(completed.last_lines())),
        )

    def redacted(self, text: str) -> tuple[str, ...]:
        return tuple(self.world.redact(text).splitlines())

    def get(self, path: str, query: dict[str, str] | None = None) -> Any:
        return self.connection.engine.get(path, query)


def _ended(code: int) -> str:
    if code in OUT_OF_TIME:
        return "ran out of time"
    return "was killed on the host" if code < 0 else f"failed (exit {code})"


@dataclass(slots=True)
class Progress:
    """How far a plan was carried out; `changed` once anything but an image was touched, even if that then failed."""

    done: int = 0
    changed: bool = False
    touched: dict[str, float] = field(default_factory=dict)
    """By service, when (monotonic) its container was last made, started or restarted."""


def tell(
    world: World, host: str, kind: EventKind, *, began: float, subject: str = "", detail: str = ""
) -> None:
    """Let the listener know, with the seconds since the run began; the detail is redacted here."""
    seconds = world.clock.monotonic() - began
    world.listen(Event(host, kind, subject, world.redact(detail), seconds))
