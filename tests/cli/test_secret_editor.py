"""What a killed edit left is gone with the next one; what belongs to a run that lives, or to nobody's edit, stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsctl.cli.secret_editor import Editor

MEMORY = Path("/dev/shm")


@pytest.fixture
def left() -> Iterator[list[Path]]:
    """Folders of a run that is dead, of one that lives, and of something else."""
    base = MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    names = (f"opsctl-edit-{ended.pid}-x", f"opsctl-edit-{os.getpid()}-x", "opsctl-edit-nobody")
    folders = [base / name for name in names]
    for folder in folders:
        folder.mkdir(mode=0o700)
        (folder / "secrets.yaml").write_text("a: canary")
    yield folders
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def test_what_a_killed_edit_left_is_gone_with_the_next(left: list[Path]) -> None:
    environ = {**os.environ, "EDITOR": "true", "VISUAL": ""}
    assert Editor(environ, terminal=False).edit("b: 1") == "b: 1"
    dead, living, other = (folder.exists() for folder in left)
    assert (dead, living, other) == (False, True, True)
