"""A person at a terminal: a program on a pseudo-terminal of its own, what it shows, and what is typed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

CTRL_C = "\x03"


@dataclass(slots=True)
class Terminal:
    """`shown` is all that came so far. The program is the leader of the terminal's session, so Ctrl-C reaches it."""

    process: subprocess.Popen[bytes]
    master: int
    shown: str = field(default="")
    _seen: int = 0

    def expect(self, text: str, *, seconds: float = 30) -> None:
        """Wait until this appears after what was expected before."""
        end = time.monotonic() + seconds
        while text not in self.shown[self._seen :]:
            assert time.monotonic() < end, f"{text!r} did not come within {seconds:g} s:\n{self.shown}"
            assert self._read(0.1), f"{text!r} did not come before the end:\n{self.shown}"
        self._seen = self.shown.index(text, self._seen) + len(text)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self, *, seconds: float = 30) -> int:
        """The exit code, once the program ended by itself."""
        end = time.monotonic() + seconds
        while self._read(0.1):
            assert time.monotonic() < end, f"it did not end within {seconds:g} s:\n{self.shown}"
        return self.process.wait(seconds)

    def _read(self, seconds: float) -> bool:
        """False at the end: Linux answers EIO once nobody has the other side open."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


@contextmanager
def terminal(
    argv: Sequence[str], environ: Mapping[str, str], *, rows: int = 24, columns: int = 100
) -> Iterator[Terminal]:
    """Run a program on a terminal of this size; it is ended with the block."""
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environ, "TERM": "xterm"},
            start_new_session=False,
        )
    finally:
        os.close(slave)
    with process:
        try:
            yield Terminal(process, master)
        finally:
            os.close(master)
            if process.poll() is None:
                process.kill()
