"""The shell of this machine, as tests use it: nothing is pretended but the engine's socket."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from opsctl.edges.local.shell import LocalShell
from opsctl.model.hosts import Sudo


def local_shell(
    where: str = "here", *, path: str = "", count: Callable[[str], None] = lambda kind: None
) -> LocalShell:
    """With the environment of the tests, or with nothing but a PATH in it."""
    environment: Mapping[str, str] = {"PATH": path} if path else os.environ
    return LocalShell(
        where=where, sudo=Sudo(), engine_socket="/nowhere.sock", environment=environment, count=count
    )
