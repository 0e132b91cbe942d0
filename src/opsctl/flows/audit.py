"""The audit of a host: who changed what, from where, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from opsctl.errors import Exit, OpsctlError, worst
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.flows.world import World
from opsctl.state.desired import Desired


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: its start and, where there is one, its end. `at` is seconds since the epoch (the operator's clock)."""

    host: str
    at: float
    run: str
    user: str
    machine: str
    command: str
    what: str
    plan: str = ""
    """The plan's digest; empty for verbs."""
    outcome: str = "running"
    """ok, failed, interrupted, or running where no end is written yet."""
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Entries of all hosts, oldest first."""

    entries: tuple[AuditEntry, ...]
    errors: dict[str, OpsctlError] = field(default_factory=dict)

    @property
    def exit(self) -> Exit:
        return worst(error.exit for error in self.errors.values())


def audit(
    world: World, desired: Desired, selection: Selection = EVERYTHING, *, limit: int = 50
) -> AuditReport:
    """The last `limit` changes of each host, from .opsctl/audit.jsonl."""
    raise NotImplementedError
