"""What a child prints, piece by piece, never more of it than one piece."""

from __future__ import annotations

import os
import selectors
import subprocess
from collections.abc import Iterator
from typing import IO

from opsctl.edges.local.feeding import Silent

_CHUNK = 2**18


def produce(process: subprocess.Popen[bytes], silence: float) -> Iterator[bytes]:
    """Its stdout until that ends. Raises Silent where nothing comes for so many seconds, or it then does not end."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin and stdout  # noqa: S101, PT018 - they were asked for
    stdin.close()
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while part := _next(selector, stdout, silence):
            yield part
    try:
        process.wait(silence)
    except subprocess.TimeoutExpired as error:
        raise Silent from error


def _next(selector: selectors.BaseSelector, stdout: IO[bytes], silence: float) -> bytes:
    if not selector.select(silence):
        raise Silent
    return os.read(stdout.fileno(), _CHUNK)
