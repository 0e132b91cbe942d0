"""The checks that need to know no software."""

from __future__ import annotations

from opsctl.checks import (
    clocks,
    containers,
    content,
    disks,
    exposure,
    limits,
    listeners,
    memory,
    modes,
    secrets,
    versions,
)
from opsctl.checks.check import Check

_MODULES = (
    containers,
    content,
    exposure,
    listeners,
    secrets,
    modes,
    memory,
    limits,
    disks,
    clocks,
    versions,
)

CHECKS: tuple[Check, ...] = tuple(check for module in _MODULES for check in module.CHECKS)
