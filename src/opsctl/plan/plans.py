"""The plan of a host and of an environment, as values that print.

`str(plan)` is what `plan`, `deploy`, the audit and the tests show; it is stable and holds no secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.plan.steps import Push, Step

_WIDEST = 40
"""Subjects that are longer, such as images, do not widen the column of all."""


@dataclass(frozen=True, slots=True)
class HostPlan:
    """What would be done on one host, in order.

    `pending` are changes that a narrowed plan leaves alone; `refusals` make the plan inapplicable; `notes` are findings
    that ask for no step (strays, stopped on purpose, unhealthy, could not look).
    """

    host: str
    directory: str
    steps: tuple[Step, ...] = ()
    creates: tuple[str, ...] = ()
    """Networks and volumes that Compose makes along with the first container that needs them."""
    pending: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.steps)

    def lines(self) -> Iterator[str]:
        yield f"{self.host}  {self.directory}"
        if not self.steps:
            yield "  nothing to do" if not self.refusals else "  nothing is done"
        width = max((len(step.subject()) for step in self.steps if len(step.subject()) <= _WIDEST), default=0)
        for step in self.steps:
            if isinstance(step, Push):
                yield f"  {step.verb:<9} {step.subject()}"
                yield from step.lines()
            else:
                yield f"  {step.verb:<9} {step.subject():<{width}}  {step.reason()}".rstrip()
        for resource in self.creates:
            yield f"  {'create':<9} {resource}"
        for title, entries in (("refused", self.refusals), ("pending", self.pending), ("note", self.notes)):
            for entry in entries:
                yield f"  {title:<9} {entry}"

    def __str__(self) -> str:
        return "\n".join(self.lines())


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one environment over all selected hosts."""

    environment: str
    hosts: tuple[HostPlan, ...]
    selection: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return any(host.changes for host in self.hosts)

    @property
    def refused(self) -> bool:
        return any(host.refusals for host in self.hosts)

    @property
    def digest(self) -> str:
        """12 hex digits of the plan's text, for the audit."""
        return hashlib.sha256(str(self).encode()).hexdigest()[:12]

    def summary(self) -> str:
        steps = [step for host in self.hosts for step in host.steps]
        counts: dict[str, int] = {}
        for step in steps:
            if step.verb not in {"wait", "push", "settle"}:
                counts[step.verb] = counts.get(step.verb, 0) + 1
        done = ", ".join(f"{count} to {verb}" for verb, count in counts.items())
        if not steps:
            return "nothing to change"
        return done or "files only"

    def __str__(self) -> str:
        narrowed = f" ({', '.join(self.selection)})" if self.selection else ""
        head = f"plan {self.environment}{narrowed}: {self.summary()}"
        return "\n\n".join([head, *map(str, self.hosts)])


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan for scripts: no contents of files, no secrets."""
    return {
        "environment": plan.environment,
        "selection": list(plan.selection),
        "digest": plan.digest,
        "changes": plan.changes,
        "refused": plan.refused,
        "hosts": [_host_json(host) for host in plan.hosts],
    }


def _host_json(host: HostPlan) -> Mapping[str, Any]:
    return {
        "host": host.host,
        "directory": host.directory,
        "steps": [
            {"verb": step.verb, "subject": step.subject(), "reason": step.reason()} for step in host.steps
        ],
        "creates": list(host.creates),
        "pending": list(host.pending),
        "refusals": list(host.refusals),
        "notes": list(host.notes),
    }
