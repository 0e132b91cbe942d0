"""What a flow needs of the world, in one value; tests build it from fakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from opsctl.edges.ports import Clock, Connection
from opsctl.flows.events import Listener
from opsctl.images.credentials import Credentials


@dataclass(frozen=True, slots=True)
class Who:
    """Who runs this, for the lease and the audit. `command` is the command line without values of options that may be
    secret.
    """

    user: str
    machine: str
    command: str
    run: str
    """A random id of this run, 8 hex digits."""


def no_login(_registry: str) -> Credentials | None:
    return None


@dataclass(frozen=True, slots=True)
class World:
    """`connect` gives the one connection to a host for this run (dialled early, possibly still under way) and raises
    ConnectFailed; `redact` takes every known secret out of a text. `registry_login` says as whom hosts pull from a registry,
    None for anybody, and raises UsageError (also StoreUnusable) for a secret that is not there; threads share it.
    """

    connect: Callable[[str], Connection]
    clock: Clock
    redact: Callable[[str], str]
    listen: Listener
    who: Who
    registry_login: Callable[[str], Credentials | None] = no_login
