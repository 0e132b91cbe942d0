"""A service on its way from Compose's spellings to the model: the form, where it was written, what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that cannot be meant, at a path as it was written."""

    path: Path
    message: str
    hint: str = ""


@dataclass(slots=True)
class Spelled:
    """A service in the one form. `origins` has where each part of the form was written: a path in it to a path in the
    file; parts that are missing stand below their nearest ancestor.
    """

    form: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, Path] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def put(self, path: Path, value: Any, origin: Path) -> None:
        inner: dict[Any, Any] = self.form
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = value
        self.origins[path] = origin

    def fault(self, path: Path, message: str, hint: str = "") -> None:
        self.faults.append(Fault(path, message, hint))
