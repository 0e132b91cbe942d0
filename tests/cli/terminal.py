"""The program run inside the test's process: a command line in, exit code and both streams out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from opsctl.cli.invocation import Invocation, OpenConnection
from opsctl.cli.main import main
from opsctl.cli.sink import Sink
from opsctl.edges.ports import Clock, Journal
from opsctl.errors import ConnectFailed


class Stream(io.StringIO):
    """A stream that is a terminal or not, as the test wants it."""

    encoding = "utf-8"

    def __init__(self, text: str = "", *, tty: bool = False) -> None:
        super().__init__(text)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        shape: dict[str, Any] = json.loads(self.out)
        return shape


def refuse(name: str, *_: object, **__: object) -> NoReturn:
    """No host of these tests is reached, unless a test says how."""
    raise ConnectFailed("no connection", where=name, hint="is the machine up?")


def opsctl(
    *argv: str,
    project: Path | None = None,
    typed: str = "",
    tty: bool = False,
    environ: Mapping[str, str] | None = None,
    connect: OpenConnection = refuse,
    clock: Clock | None = None,
    journal: Callable[[Path], Journal] | None = None,
) -> Ended:
    """Run `opsctl ARGV`; `tty` makes all three streams terminals, `typed` is what stdin holds."""
    out, err = Stream(tty=tty), Stream(tty=tty)
    invocation = Invocation(
        argv, Stream(typed, tty=tty), Sink(out), Sink(err), environ or {}, project or Path("/nowhere")
    )
    invocation.connect, invocation.clock, invocation.journal = connect, clock, journal
    with redirect_stdout(out):
        code = main(invocation)
    return Ended(code, out.getvalue(), err.getvalue())
