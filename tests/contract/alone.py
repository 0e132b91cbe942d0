"""A program without any network but loopback."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def alone() -> list[str]:
    """What runs it so; skips where that cannot be had."""
    words = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("no network namespace of its own can be had here")
    return words
