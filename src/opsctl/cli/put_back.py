"""Files of the operator that a run has written, and may put back as they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from opsctl.edges.saving import only_writer, replace
from opsctl.errors import OperationFailed, OpsctlError


@dataclass(slots=True)
class WrittenFiles:
    """`root` is the project's folder; files are named by their path below it, in the order they were written."""

    root: Path
    _written: list[tuple[str, bytes | None, bytes]] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _before, _after in self._written)

    def write(self, name: str, before: bytes, after: bytes) -> None:
        """Raises OperationFailed where the file is not as it was read any more, or cannot be written."""
        path = self.root / name
        with only_writer(path):
            replace(path, after, before)
        self._written.append((name, before, after))

    def note(self, name: str, write: Callable[[], object]) -> None:
        """Let somebody else write a file, and remember what it was before and became."""
        before = self._read(name)
        write()
        after = self._read(name)
        if after is not None and after != before:
            self._written.append((name, before, after))

    def put_back(self) -> tuple[str, ...]:
        """Every file byte for byte as it was; those that somebody else changed meanwhile stay, and are named with the reason."""
        kept = []
        while self._written:
            name, before, after = self._written.pop()
            try:
                self._undo(name, before, after)
            except OpsctlError as error:
                kept.append(f"{name}: {error.message}")
        return tuple(kept)

    def _undo(self, name: str, before: bytes | None, after: bytes) -> None:
        path = self.root / name
        with only_writer(path):
            if before is not None:
                replace(path, before, after)
            elif self._read(name) == after:
                path.unlink()
            else:
                raise OperationFailed("it was changed by something else in the meantime")

    def _read(self, name: str) -> bytes | None:
        path = self.root / name
        return path.read_bytes() if path.exists() else None
