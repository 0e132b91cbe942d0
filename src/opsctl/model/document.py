"""A file's values beside the line of each: what the readers of TOML and YAML give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.errors import Problem
from opsctl.model.fleet import Place

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One file, read. `value` is None where it could not be read at all; then `problems` says why.

    `lines` has the 1-based line of every key and item by its path. `written` has the text of plain scalars that do not
    print as they were written (0644, 1_000, 1.10). `blocks` has the line of the first text line of literal and folded
    scalars, so that a line inside a template can be told.
    """

    file: str
    value: Any = None
    lines: Mapping[Path, int] = field(default_factory=dict)
    written: Mapping[Path, str] = field(default_factory=dict)
    blocks: Mapping[Path, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def line(self, path: Path) -> int:
        """The line of a path, or of its nearest ancestor that has one; 0 for the whole file."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 0

    def place(self, path: Path) -> Place:
        return Place(self.file, self.line(path))

    def problem(self, path: Path, message: str, hint: str = "") -> Problem:
        return Problem(self.file, self.line(path), message, hint)
