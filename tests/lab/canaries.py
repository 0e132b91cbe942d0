"""Planted values, looked for in every form in which a secret may be written, and wherever a process tells something."""

from __future__ import annotations

import base64
import json
import shlex
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

LEAST = 8
"""Characters of a form; shorter ones would be found by chance."""


def forms(value: str) -> Iterator[str]:
    """How the value may be written, made without opsctl's own redactor."""
    raw = value.encode()
    yield value
    yield from (urllib.parse.quote(value, safe=""), urllib.parse.quote(value), urllib.parse.quote_plus(value))
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield value.replace("'", "''")
    yield from (shlex.quote(value)[1:-1], repr(value)[1:-1], repr(raw)[2:-1], value.replace("$", "$$"))
    for before in (b"", b"u:", b"user:"):
        # Without the last characters, which depend on what follows.
        whole = base64.b64encode(before + raw + b"....").decode()
        yield whole[4 * ((len(before) + 2) // 3) : 4 * ((len(before) + len(raw)) // 3)]


@dataclass(frozen=True)
class Canaries:
    """By name, the values to look for."""

    values: Mapping[str, str]

    @cached_property
    def _forms(self) -> dict[str, str]:
        return {
            form: name for name, value in self.values.items() for form in forms(value) if len(form) >= LEAST
        }

    def leaks(self, text: str) -> set[str]:
        """Which values are in a text, and how they are written there."""
        return {f"{name} as {form!r}" for form, name in self._forms.items() if form in text}

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """Look at every process while the block runs."""
        watch, over = Watch(self), threading.Event()

        def run() -> None:
            while not over.wait(0.02):
                watch.look()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            over.set()
            thread.join()


@dataclass
class Watch:
    """Argv and environment of every process of the machine and its lab hosts, read over and over."""

    canaries: Canaries
    argv: set[str] = field(default_factory=set)
    leaked: set[str] = field(default_factory=set)
    _seen: set[tuple[str, bytes]] = field(default_factory=set)

    def look(self) -> None:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes()
                if (folder.name, words) in self._seen:
                    continue
                contained = b"/opsctl-lab/" in (folder / "cgroup").read_bytes()
                environ = b"" if contained else (folder / "environ").read_bytes()
            except OSError:
                continue
            self._seen.add((folder.name, words))
            text = words.replace(b"\0", b" ").decode(errors="replace")
            self.argv.add(text)
            self.leaked |= {f"{leak} in the words {text[:80]}" for leak in self.canaries.leaks(text)}
            found = self.canaries.leaks(environ.decode(errors="replace"))
            self.leaked |= {f"{leak} in the environment of {text[:80]}" for leak in found}
