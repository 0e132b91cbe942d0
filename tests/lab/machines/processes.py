"""Programs of the machine: run them, leave them running, recognise and end them."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.machines.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process told apart from a later one with the same number by its start time."""

    pid: int
    started: int
    """Clock ticks after the machine's boot (proc(5), field 22 of /proc/PID/stat)."""

    def alive(self) -> bool:
        """Say whether this very process still runs; a zombie does not."""
        return find(self.pid) == self

    def kill(self) -> None:
        """Send SIGKILL if this very process still runs."""
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def find(pid: int) -> Process | None:
    """Identify the running process of that number; None if there is none or it is a zombie."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else Process(pid, int(fields[18]))


def by_argv(argv: Sequence[str]) -> list[Process]:
    """Find the processes started with exactly these words."""
    wanted = "\0".join(argv).encode() + b"\0"
    found = []
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cmdline").read_bytes() == wanted:
                found.append(find(int(folder.name)))
    return [process for process in found if process]


def run(
    argv: Sequence[str | Path],
    *,
    stdin: bytes = b"",
    check: bool = True,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; with check, a failure raises LabError with its last words."""
    done = subprocess.run(
        [str(word) for word in argv],
        input=stdin,
        capture_output=True,
        check=False,
        env=env and {**os.environ, **env},
        timeout=timeout,
    )
    if check and done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace")[-2000:].strip()
        words = shlex.join(str(word) for word in argv)
        raise LabError(f"{words}: exit status {done.returncode}: {said}")
    return done


def leave_running(argv: Sequence[str | Path], log: Path) -> None:
    """Start a program that outlives this one, in a session of its own, with / as its folder."""
    with log.open("ab") as out:
        subprocess.run(
            ["setsid", "--fork", "env", "-C", "/", *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            check=True,
        )


def until(true: Callable[[], bool], what: str, *, seconds: float, log: Path | None = None) -> None:
    """Wait for a condition, looking every 20 ms; LabError says what did not come."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            hint = f"; see {log}" if log else ""
            raise LabError(f"{what} did not come within {seconds:g} s{hint}")
        time.sleep(0.02)
