"""Rendered files, written below a folder of the operator's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opsctl.errors import OpsctlError


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Create or overwrite each file by its path below the folder. Raises OpsctlError where that fails."""
    for path, content in files.items():
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            raise OpsctlError(f"cannot write {target}: {error.strerror}") from error
