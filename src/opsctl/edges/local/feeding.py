"""A child that is fed piece by piece, while what it prints is collected."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Iterable
from typing import IO

_CHUNK = 2**16


class Silent(Exception):
    """The child took nothing, or did not end, for too long; not a TimeoutError, which `chunks` may raise."""


class Feeding:
    """Feeds one child; `stdout` and `stderr` hold what it printed so far."""

    def __init__(self, process: subprocess.Popen[bytes], silence: float) -> None:
        self.stdout, self.stderr = bytearray(), bytearray()
        self._process = process
        self._silence = silence
        self._deadline = 0.0
        self._selector = selectors.DefaultSelector()

    def feed(self, chunks: Iterable[bytes]) -> None:
        """Give all chunks, or what the child takes, and wait for its end.

        Raises Silent where the child takes nothing for `silence` seconds, or has not ended so long after its stdin has,
        and what `chunks` raises.
        """
        process = self._process
        assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018 - they were asked for
        os.set_blocking(process.stdin.fileno(), False)
        with self._selector as selector:
            selector.register(process.stdout, selectors.EVENT_READ, self.stdout)
            selector.register(process.stderr, selectors.EVENT_READ, self.stderr)
            selector.register(process.stdin, selectors.EVENT_WRITE)
            for chunk in chunks:
                if not self._give(process.stdin, memoryview(chunk)):
                    break
            self._close(process.stdin)
            self._begin()
            while selector.get_map():
                self._collect(self._ready())
        try:
            process.wait(self._left())
        except subprocess.TimeoutExpired as error:
            raise Silent from error

    def _give(self, stdin: IO[bytes], rest: memoryview) -> bool:
        """Whether the child took it all."""
        self._begin()
        while rest:
            ready = self._ready()
            self._collect(ready)
            if stdin in ready:
                try:
                    rest = rest[os.write(stdin.fileno(), rest[:_CHUNK]) :]
                except BrokenPipeError:
                    return False
                self._begin()
        return True

    def _begin(self) -> None:
        self._deadline = time.monotonic() + self._silence

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _ready(self) -> dict[IO[bytes], bytearray | None]:
        left = self._left()
        ready = {key.fileobj: key.data for key, _ in self._selector.select(left)}
        if not ready or not left:
            raise Silent
        return ready  # type: ignore[return-value]  # only files were registered

    def _collect(self, ready: dict[IO[bytes], bytearray | None]) -> None:
        for file, into in ready.items():
            if into is None:
                continue
            part = os.read(file.fileno(), _CHUNK)
            into.extend(part)
            if not part:
                self._close(file)

    def _close(self, file: IO[bytes]) -> None:
        self._selector.unregister(file)
        with contextlib.suppress(OSError):
            file.close()
