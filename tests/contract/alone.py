"""A program without any network but loopback, of which nothing is left when it ends."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def alone() -> list[str]:
    """What runs it so; skips where that cannot be had. It is the first process of its own, and takes with it what it started."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    words = ["unshare", *as_root, "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("no namespaces of its own can be had here")
    return words
