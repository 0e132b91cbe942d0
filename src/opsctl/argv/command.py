"""A command for a host, as a value that can be compared, printed and run elsewhere."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Privilege = Literal["files", "engine", "both", "none"]


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: argv words (never shell text, never a secret), bytes for stdin (the only way for secrets).

    `timeout` is in seconds. `privilege` says which sudo decision applies: that for files, that for the
    engine, either of them (both are needed), or none.
    `label` is how a person would call it in a log.
    """

    words: tuple[str, ...]
    stdin: bytes = field(default=b"", repr=False)
    timeout: float = 60.0
    privilege: Privilege = "engine"
    label: str = ""

    def __str__(self) -> str:
        return shlex.join(self.words)


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended. `code` is -1 when a signal or the timeout ended it."""

    command: Command
    code: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        return self.code == 0

    def last_lines(self, count: int = 10) -> tuple[str, ...]:
        """The end of what it printed on stderr, or on stdout where stderr is empty; not redacted."""
        text = (self.stderr.strip() or self.stdout.strip()).decode(errors="replace")
        return tuple(text.splitlines()[-count:])


def script(source: str, *arguments: str) -> tuple[str, ...]:
    """Words that run a constant POSIX shell script with arguments; the arguments are data, never part of the text."""
    return ("sh", "-c", source, "opsctl", *arguments)


def lines(data: bytes) -> Iterator[str]:
    yield from data.decode(errors="replace").splitlines()
