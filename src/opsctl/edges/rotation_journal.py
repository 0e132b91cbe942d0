"""The journal of an open rotation: a file that is there as long as the rotation is."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from opsctl.edges.saving import sync_folder
from opsctl.errors import OperationFailed
from opsctl.secrets.journal import Line, Opened, line_text, opened_text, read_lines, read_opened


class RotationJournal:
    """Each line is on the disk when its method returns. Raises OperationFailed where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def opened(self) -> Opened | None:
        """What the rotation is about; None where no rotation is open."""
        lines = self._lines()
        return read_opened(lines[0]) if lines else None

    def lines(self) -> tuple[Line, ...]:
        """The steps that were done, oldest first."""
        return read_lines(self._lines())

    def begin(self, opened: Opened) -> None:
        """Begin anew; what a rotation left here that never got further than this is gone."""
        self._unlink()
        self._append(opened_text(opened))

    def write(self, line: Line) -> None:
        self._append(line_text(line))

    def close(self) -> None:
        """The rotation has ended; folders that only this journal needed go with it."""
        self._unlink()
        for folder in (self._path.parent, self._path.parent.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _unlink(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise OperationFailed(
                f"cannot remove {self._path}: {error.strerror}", hint="give yourself the right to write there"
            ) from error

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OperationFailed(
                f"cannot read {self._path}: {error.strerror}",
                hint="it would be the journal of an open rotation; see what is in its place",
            ) from error

    def _append(self, text: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.write(handle, f"{text}\n".encode())
                os.fsync(handle)
            finally:
                os.close(handle)
            sync_folder(self._path.parent)
        except OSError as error:
            raise OperationFailed(
                f"cannot write {self._path}: {error.strerror}",
                hint="a rotation needs its journal; make room or give yourself the right to write there",
            ) from error
