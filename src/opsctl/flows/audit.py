"""The audit of an environment: who changed what, from where, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from opsctl.argv.audit import read_audit
from opsctl.errors import CouldNotFindOut, Exit, OpsctlError, worst
from opsctl.flows.audit_records import AuditEntry, entries, read_records
from opsctl.flows.hosts import chosen_hosts, on_each
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.flows.world import World
from opsctl.state.desired import Desired, DesiredHost

__all__ = ["AuditEntry", "AuditReport", "audit", "audit_of"]


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
    hosts = chosen_hosts(desired, selection)
    found, errors = on_each(hosts, lambda host: audit_of(world, host, limit))
    merged = sorted((entry for entries in found.values() for entry in entries), key=lambda entry: entry.at)
    return AuditReport(tuple(merged), errors)


def audit_of(world: World, host: DesiredHost, limit: int) -> tuple[AuditEntry, ...]:
    """The last `limit` changes of one host, oldest first. Raises CouldNotFindOut, ConnectFailed."""
    completed = world.connect(host.name).shell.run(read_audit(host.directory, 2 * limit))
    if not completed.ok:
        raise CouldNotFindOut("cannot read the audit", where=host.name, evidence=completed.last_lines())
    return entries(host.name, read_records(completed.stdout))[-limit:]
