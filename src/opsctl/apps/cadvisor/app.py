"""cAdvisor as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.cadvisor import looking
from opsctl.apps.cadvisor.settings import Settings

CADVISOR = App(
    name="cadvisor",
    settings=Settings,
    rules=looking.RULES,
    page="stacks/monitoring.md",
    checks=partial(resolve_name, "opsctl.apps.cadvisor.checks:CHECKS"),
    probe=("CMD", "wget", "-qO-", "http://127.0.0.1:8080/healthz"),
    reload="everything stands in its command: a changed one is a recreate",
    upgrades=(
        Upgrade("0.53.0", "The image is ghcr.io/google/cadvisor, its tags have no v (CAD003)."),
        Upgrade("0.55.0", "container_health_state is that of now, and -1 without a healthcheck (CAD001)."),
        Upgrade("0.57.0", "container_start_time_seconds changes with a restart (CAD002)."),
    ),
)
