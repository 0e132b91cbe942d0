"""What is fed to commands, and what it costs."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MEGABYTE = 2**20


@dataclass
class Source:
    """Chunks of uneven sizes; afterwards `digest` is that of all that was given and `given` how much that was."""

    size: int
    given: int = 0
    digest: str = ""
    on_chunk: Callable[[int], None] = field(default=lambda given: None)

    def __iter__(self) -> Iterator[bytes]:
        chance = random.Random(7)  # noqa: S311 - no secret
        pool = chance.randbytes(4 * MEGABYTE)
        seen = hashlib.sha256()
        while self.given < self.size:
            start = chance.randrange(2 * MEGABYTE)
            chunk = pool[start : start + chance.choice((1, 1000, 2**15, 2**16 + 1, 2 * MEGABYTE))]
            seen.update(chunk)
            self.given += len(chunk)
            self.digest = seen.hexdigest()
            self.on_chunk(self.given)
            yield chunk


def forget_peak() -> int:
    """Begin to measure this process's peak of memory anew; what it uses now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak() -> int:
    """Bytes."""
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
