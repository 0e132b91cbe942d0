"""What a plan is asked for, beside desired and observed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """`services` narrows the plan (None: all). `key` stands in where the host has no fingerprint key yet.

    `start` names held or on-demand services to start now, `recreate` services to recreate without another cause.
    `unsettled` are secrets whose rotation is open: a plan that would touch who uses them is refused, but for those of
    `rotating`, which this very run rotates.
    `refusals` and `notes` come from elsewhere (the memory policy) and are shown with the plan's own.
    """

    services: frozenset[str] | None = None
    key: bytes = field(default=b"\0" * 32, repr=False)
    heal: bool = False
    keep_host_edits: bool = False
    start: frozenset[str] = frozenset()
    recreate: frozenset[str] = frozenset()
    unsettled: frozenset[str] = frozenset()
    rotating: frozenset[str] = frozenset()
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
