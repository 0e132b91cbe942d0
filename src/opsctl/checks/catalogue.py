"""The checks that need to know no software."""

from __future__ import annotations

from opsctl.checks import (
    clocks,
    containers,
    content,
    disks,
    exposure,
    firewall,
    limits,
    listeners,
    logs,
    memory,
    modes,
    secrets,
    ssh_server,
    upkeep,
    versions,
)
from opsctl.checks.check import Check
from opsctl.checks.own import catalogue as own

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
    ssh_server,
    firewall,
    upkeep,
    logs,
    own,
)

CHECKS: tuple[Check, ...] = tuple(check for module in _MODULES for check in module.CHECKS)
