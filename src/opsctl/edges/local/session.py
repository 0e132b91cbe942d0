"""A child that stays, line by line."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from typing import IO

from opsctl.edges.local.processes import end_group
from opsctl.errors import ConnectFailed

_CHUNK = 2**16
_LINGER = 0.5


class LocalSession:
    """Implements the port `Session` over a child's pipes; `errors` is the file that it writes its stderr to."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes], where: str) -> None:
        self._process = process
        self._errors = errors
        self._where = where
        self._pending = b""

    def send(self, line: str) -> None:
        self.write(line.encode() + b"\n")

    def write(self, data: bytes) -> None:
        try:
            assert self._process.stdin  # noqa: S101 - it was asked for
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise ConnectFailed("the other end of a session is gone", where=self._where) from error

    def receive(self, timeout: float) -> str | None:
        deadline = time.monotonic() + timeout
        assert self._process.stdout  # noqa: S101 - it was asked for
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError(f"nothing within {timeout:g} s")
                part = os.read(self._process.stdout.fileno(), _CHUNK)
                if not part:
                    rest, self._pending = self._pending, b""
                    return rest.decode(errors="replace") if rest else None
                self._pending += part
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode(errors="replace")

    def exit_code(self, timeout: float) -> int:
        """The exit code; -1 where a signal ended it. Raises TimeoutError."""
        try:
            return max(self._process.wait(timeout), -1)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"no end within {timeout:g} s") from error

    def stderr(self) -> bytes:
        # The child writes through the same open file: only pread leaves its position alone.
        descriptor = self._errors.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)

    def close(self) -> None:
        """Ends its input; a child that goes on is stopped."""
        assert self._process.stdin  # noqa: S101 - they were asked for
        assert self._process.stdout  # noqa: S101
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_LINGER)
        except subprocess.TimeoutExpired:
            end_group(self._process)
        self._process.stdout.close()
        self._errors.close()
