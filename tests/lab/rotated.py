"""rotate-secret that is stopped after a chosen line of its journal: `python -m tests.lab.rotated HOW N -- WORDS…`.

It is the whole program; only the journal counts what is written to it and, at line N, kills the process (`kill`), or lets
the connections end on the host's side (`cut`), as a network that fails does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from opsctl.cli.invocation import Invocation
from opsctl.cli.main import main
from opsctl.edges.ports import Journal
from opsctl.edges.rotation_journal import RotationJournal
from opsctl.secrets.journal import Line, Opened
from tests.lab.machines.boot import inside
from tests.lab.machines.layout import SPECS
from tests.lab.site import CHECKOUT, Run, Site

How = Literal["kill", "cut"]

_MARK = "journal: "


def stop(site: Site, how: How, number: int, *words: str) -> Run:
    """`opsctl rotate-secret WORDS… -e lab --yes`, stopped after line `number`; exit code -9 where it was killed."""
    argv = [sys.executable, "-m", "tests.lab.rotated", how, str(number), site.host().name, "--"]
    done = subprocess.run(
        [*argv, *site.argv("rotate-secret", *words, "-e", "lab", "--yes")[3:]],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=180,
        check=False,
        cwd=CHECKOUT,
        env=site.environ,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def written(run: Run) -> list[str]:
    """The lines of the journal that a run wrote before it was stopped."""
    return [line.removeprefix(_MARK) for line in run.stderr.splitlines() if line.startswith(_MARK)]


@dataclass(slots=True)
class Fate:
    how: How
    number: int
    host: str
    seen: int = 0

    def wrote(self, what: str) -> None:
        self.seen += 1
        print(f"{_MARK}{what}", file=sys.stderr, flush=True)
        if self.seen != self.number:
            return
        if self.how == "kill":
            _die()
        # The servers of the open connections; the one that listens goes on.
        inside(SPECS[self.host], ["sh", "-c", "pkill -KILL -P $(cat /run/sshd.pid)"])


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class DoomedJournal:
    inner: RotationJournal
    fate: Fate

    def opened(self) -> Opened | None:
        return self.inner.opened()

    def lines(self) -> Sequence[Line]:
        return self.inner.lines()

    def begin(self, opened: Opened) -> None:
        self.inner.begin(opened)
        self.fate.wrote("begin")

    def write(self, line: Line) -> None:
        self.inner.write(line)
        self.fate.wrote(line.step)

    def close(self) -> None:
        self.inner.close()
        self.fate.wrote("end")


def run(fate: Fate, words: list[str]) -> int:
    def journal(path: Path) -> Journal:
        return DoomedJournal(RotationJournal(path), fate)

    invocation = Invocation.of_this_process()
    invocation.argv = tuple(words)
    invocation.journal = journal
    return main(invocation)


if __name__ == "__main__":
    manner, at, machine, _, *rest = sys.argv[1:]
    sys.exit(run(Fate(manner, int(at), machine), rest))  # type: ignore[arg-type]  # one of How
