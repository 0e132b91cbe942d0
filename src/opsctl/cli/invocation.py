"""One run of the program as a value: its words, its streams, and what its global options say."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from opsctl.cli.screen import Screen
from opsctl.cli.sink import Sink

if TYPE_CHECKING:
    from opsctl.edges.ports import Clock, Connection, Journal
    from opsctl.model.hosts import Environment, Host


class OpenConnection(Protocol):
    """`opsctl.edges.connect.open_connection`, or what stands in for it."""

    def __call__(
        self, name: str, host: Host, environment: Environment, root: Path, *, directory: str
    ) -> Connection: ...


@dataclass(slots=True)
class Invocation:
    """Filled in while the command line is read. `command` is e.g. "plan" or "hosts trust", for envelope and audit.

    `connect`, `clock` and `journal` (of a rotation, by its file) are None for the real ones, imported when they are needed. `on_interrupt` is called
    by the signal handler, before KeyboardInterrupt is raised.
    """

    argv: tuple[str, ...]
    stdin: TextIO
    out: Sink
    err: Sink
    environ: Mapping[str, str]
    folder: Path
    colour: bool = True
    command: str = ""
    json: bool = False
    environment: str = ""
    connect: OpenConnection | None = None
    clock: Clock | None = None
    journal: Callable[[Path], Journal] | None = None
    on_interrupt: Callable[[], None] = lambda: None

    @classmethod
    def of_this_process(cls) -> Invocation:
        return cls(
            argv=tuple(sys.argv[1:]),
            stdin=sys.stdin,
            out=Sink(_there(sys.stdout)),
            err=Sink(_there(sys.stderr)),
            environ=os.environ,
            folder=Path.cwd(),
        )

    @property
    def data(self) -> Screen:
        """Where answers go: stdout."""
        return Screen(self.out, colour=self._wants_colour())

    @property
    def side(self) -> Screen:
        """Where progress, errors and questions go: stderr."""
        return Screen(self.err, colour=self._wants_colour())

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer a question."""
        return self.stdin.isatty() and self.err.isatty() and not self.json

    def _wants_colour(self) -> bool:
        # https://no-color.org: any value that is not empty.
        return self.colour and not self.environ.get("NO_COLOR") and self.environ.get("TERM") != "dumb"


def _there(stream: TextIO | None) -> TextIO:
    """The stream; where it was closed by whoever began this process (`>&-`), one that leads nowhere."""
    return stream or Path(os.devnull).open("w", encoding="utf-8")
