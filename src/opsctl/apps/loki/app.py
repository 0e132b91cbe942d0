"""Loki as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.loki import storing
from opsctl.apps.loki.settings import Settings

# The image is distroless since 3.6: no shell, no wget; -health came with 3.6.5.
LOKI = App(
    name="loki",
    settings=Settings,
    rules=storing.RULES,
    page="stacks/monitoring.md",
    checks=partial(resolve_name, "opsctl.apps.loki.checks:CHECKS"),
    probe=("CMD", "/usr/bin/loki", "-health"),
    reload="loki.yml is read at the start only: a changed file is a recreate, the default of on_change",
    upgrades=(
        Upgrade(
            "3.6.0", "The image is distroless: a healthcheck with wget or a shell is unhealthy for ever."
        ),
        Upgrade("3.6.5", "loki -health, for the healthcheck (LOK004)."),
    ),
)
