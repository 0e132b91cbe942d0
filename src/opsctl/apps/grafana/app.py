"""Grafana as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.grafana import provisioning
from opsctl.apps.grafana.settings import Settings

GRAFANA = App(
    name="grafana",
    settings=Settings,
    rules=provisioning.RULES,
    page="stacks/monitoring.md",
    checks=partial(resolve_name, "opsctl.apps.grafana.checks:CHECKS"),
    probe=("CMD", "wget", "-qO-", "http://127.0.0.1:3000/api/health"),
    reload="provisioning files are read at the start only: a changed file is a recreate, the default of on_change",
    upgrades=(
        Upgrade("12.4.2", "Mends CVE-2026-27876."),
        Upgrade("13.0.0", "A major version: read its notes, and keep a copy of /var/lib/grafana."),
    ),
)
