"""Who holds a host right now, and which faults a killed test left in it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tests.lab.machines.layout import STATE
from tests.lab.machines.processes import Process, find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.machines.layout import HostSpec


@contextmanager
def fault(host: HostSpec, name: str) -> Iterator[None]:
    """Leave a note on the host, with the process that causes the fault, for as long as it lasts."""
    me = find(os.getpid())
    note = host.folder / "faults" / f"{name}-{os.getpid()}"
    note.parent.mkdir(exist_ok=True)
    note.write_text(f"{os.getpid()} {me.started if me else 0}")
    yield
    note.unlink(missing_ok=True)


def faulty(host: HostSpec) -> bool:
    """Say whether a process that is gone left a fault behind, or one that could not be undone."""
    return any(not process.alive() for process in _causes(host))


def in_fault(host: HostSpec) -> bool:
    """Say whether a living process is keeping the host in a fault."""
    return any(process.alive() for process in _causes(host))


@contextmanager
def reserved(host: HostSpec) -> Iterator[None]:
    """Keep other test sessions that ask the same off a host; wait for one that is on it.

    The reservation ends with the process, however that ends.
    """
    with (STATE / f"reserved-{host.machine}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _causes(host: HostSpec) -> list[Process]:
    causes = []
    for note in (host.folder / "faults").glob("*"):
        with suppress(OSError, ValueError):
            pid, started = map(int, note.read_text().split())
            causes.append(Process(pid, started))
    return causes
