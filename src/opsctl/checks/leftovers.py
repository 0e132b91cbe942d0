"""Containers of checks on a host: which runs they belong to, and what became of those that a killed one left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.checks.short_lived import LIFE
from opsctl.checks.throwaway import RUN_LABEL
from opsctl.state.observed import Observed, ObservedContainer

_MARGIN = 60.0
"""Seconds over LIFE: for the start of the container and for the engine to remove it."""

Fate = Literal["removed", "used", "unclaimed", "stuck", "unasked"]


@dataclass(frozen=True, slots=True)
class Leftover:
    """A container that another run made. `removed`: that run is dead. `used`: it is alive. `unclaimed`: nobody can tell, and it
    ends by itself. `stuck`: it could not be removed; `unasked`: the host did not answer; `reason` says why.
    """

    host: str
    name: str
    fate: Fate
    reason: str = ""


def of_other_runs(observed: Observed, own: str) -> Mapping[str, Sequence[ObservedContainer]]:
    """By run."""
    found: dict[str, list[ObservedContainer]] = {}
    for one in observed.containers:
        run = one.labels.get(RUN_LABEL, "")
        if run and run != own:
            found.setdefault(run, []).append(one)
    return found


def overdue(observed: Observed, containers: Sequence[ObservedContainer]) -> bool:
    """Whether all of them should have ended by themselves, by the clock of the host."""
    return all(one.created + LIFE + _MARGIN < observed.now for one in containers)
