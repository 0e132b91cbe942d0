"""The checks that need to know no software."""

from __future__ import annotations

from opsctl.checks import containers, content
from opsctl.checks.check import Check

CHECKS: tuple[Check, ...] = (*containers.CHECKS, *content.CHECKS)
