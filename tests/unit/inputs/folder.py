"""Small projects on disk, and the problems that reading them gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from opsctl.errors import InputError, Problem
from opsctl.inputs.project import load

HOSTS = """\
    project = "demo"
    [vars]
    domain = "example.org"
    [environments.prod]
    hosts = ["web"]
    [hosts.web]
    addresses = ["10.0.0.1"]
    stacks = ["apps"]
    """
STACK = """\
    services:
      api:
        image: lab/api:1
    """
MARK = "<-"
"""A line of a test's file that holds this is where the problem is expected."""


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """The files below `root`, over a hosts.toml and a stack that are right."""
    for name, text in {"hosts.toml": HOSTS, "stacks/apps.yml": STACK, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    return root


def problems(root: Path) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        load(root)
    return caught.value.problems


def marked(files: Mapping[str, str | bytes]) -> tuple[str, int]:
    """File and line of the mark; the only other file's line 0 where nothing is marked."""
    for name, text in files.items():
        lines = dedent(text if isinstance(text, str) else text.decode("latin-1")).splitlines()
        for number, line in enumerate(lines, start=1):
            if MARK in line:
                return name, number
    return next(iter(files)), 0
