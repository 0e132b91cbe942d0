"""compose-lint, where it is installed: a linter for the hardening of Compose files, with rules of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsctl.errors import CouldNotFindOut

_SECONDS = 30.0
_FOUND = {0, 1}
"""Exit codes of compose-lint 0.36: nothing found, or something; 2 is "could not look"."""


def program() -> str | None:
    """Beside this Python, else on the PATH; None where it is not installed."""
    beside = Path(sys.executable).with_name("compose-lint")
    return str(beside) if beside.exists() else shutil.which("compose-lint")


def findings(command: str, files: Mapping[str, bytes]) -> dict[str, list[Mapping[str, Any]]]:
    """What it finds in the rendered compose.yml of each host, as it says it itself (JSON, version 2): one process for all.

    Raises CouldNotFindOut where it fails, takes longer than half a minute, or answers something else.
    """
    with tempfile.TemporaryDirectory(prefix="opsctl-lint-") as folder:
        # It tells files as they are called from where it runs (0.36).
        hosts = {f"{host}/compose.yml": host for host in files}
        for path, host in hosts.items():
            Path(folder, host).mkdir()
            Path(folder, path).write_bytes(files[host])
        argv = [command, "check", "--format", "json", "--no-env", "--no-merge-overrides", *hosts]
        try:
            done = subprocess.run(
                argv, capture_output=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL, cwd=folder
            )
            told = json.loads(done.stdout) if done.returncode in _FOUND else None
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise CouldNotFindOut(f"compose-lint failed: {type(error).__name__}") from error
    if not isinstance(told, dict) or not isinstance(told.get("findings"), list):
        said = done.stderr.decode(errors="replace").splitlines()[-3:]
        raise CouldNotFindOut(
            f"compose-lint failed (exit {done.returncode})",
            evidence=said,
            hint="pip install 'opsctl[lint]' brings the version that is known to work",
        )
    found: dict[str, list[Mapping[str, Any]]] = {host: [] for host in files}
    for one in told["findings"]:
        found[hosts[str(one.get("file"))]].append(one)
    return found
