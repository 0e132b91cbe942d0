"""The one way out for text: every write passes the redactor first, and a reader that left ends nothing."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

_ASCII = str.maketrans({"█": "#", "░": ".", "…": "...", "·": "-", "↑": "^", "≤": "<=", "Δ": "*"})


def unchanged(text: str) -> str:
    return text


class ReaderLeft(Exception):
    """Nobody reads any more what a command writes without end."""


class Sink(io.TextIOBase):
    """A text stream that lets no known secret through.

    Writers hand over whole lines, because a secret that is split between two writes cannot be seen. When the reader
    has left (a closed pipe) the rest is dropped and `reader_left` is true: a deploy is not cut in the middle because
    somebody pressed q in a pager. Nor is it because the disk behind a redirection is full: `failed` has that error. Where the stream cannot carry the few glyphs of the views, ASCII stands in for them.
    """

    def __init__(self, stream: TextIO, redact: Callable[[str], str] = unchanged) -> None:
        super().__init__()
        self._stream = stream
        self._plain = (stream.encoding or "utf-8").replace("-", "").lower() != "utf8"
        self._redact = redact
        self.reader_left = False
        self.failed: OSError | None = None

    def redact_with(self, redact: Callable[[str], str]) -> None:
        """From now on."""
        self._redact = redact

    def clean(self, text: str) -> str:
        """The text without the secrets known by now."""
        return self._redact(text)

    def write(self, text: str) -> int:
        self._send(self._redact(text))
        return len(text)

    def reveal(self, text: str) -> None:
        """Write a secret that was asked for: as it is, past the redactor, in UTF-8 whatever the stream's encoding."""
        raw = getattr(self._stream, "buffer", None)
        if raw is None:
            self._send(text)
            return
        self.flush()
        self._guarded(lambda: (raw.write(text.encode()), raw.flush()))

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]  # typeshed: ReadableBuffer
        self.write("".join(lines))

    def flush(self) -> None:
        self._send("")

    def isatty(self) -> bool:
        return self._stream.isatty()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in typeshed
        return self._stream.encoding or "utf-8"

    def _send(self, text: str) -> None:
        if self._plain:
            text = text.translate(_ASCII).encode(self.encoding, "replace").decode(self.encoding)
        self._guarded(lambda: (self._stream.write(text), self._stream.flush()))

    def _guarded(self, write: Callable[[], object]) -> None:
        if self.reader_left:
            return
        try:
            write()
        except BrokenPipeError:
            self.reader_left = True
            self._discard_the_rest()
        except OSError as error:
            self.failed = error
            self.reader_left = True
            self._discard_the_rest()

    def _discard_the_rest(self) -> None:
        """The interpreter flushes the stream again when it ends; that must find a door that is open."""
        with contextlib.suppress(OSError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())
