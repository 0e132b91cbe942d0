"""VictoriaMetrics and vmalert as apps."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.victoriametrics import alerting, storing
from opsctl.apps.victoriametrics.settings import AlertSettings, Settings

_PAGE = "stacks/monitoring.md"

# The images are Alpine with busybox wget; those tagged -scratch have nothing.
VICTORIAMETRICS = App(
    name="victoriametrics",
    settings=Settings,
    rules=storing.RULES,
    page=_PAGE,
    checks=partial(resolve_name, "opsctl.apps.victoriametrics.checks:SCRAPING"),
    probe=("CMD", "wget", "-qO-", "http://127.0.0.1:8428/health"),
    reload="scrape.yml is read anew by a signal: mount: directory, on_change: {signal: SIGHUP}; a changed command is a recreate",
)
VMALERT = App(
    name="vmalert",
    settings=AlertSettings,
    rules=alerting.RULES,
    page=_PAGE,
    checks=partial(resolve_name, "opsctl.apps.victoriametrics.checks:ALERTING"),
    probe=("CMD", "wget", "-qO-", "http://127.0.0.1:8880/health"),
    reload="alerts.yml is read anew by a signal: mount: directory, on_change: {signal: SIGHUP}",
    upgrades=(
        Upgrade(
            "1.95.0",
            "Alerts are evaluated for a moment 30 s ago (-rule.evalDelay), as long as VictoriaMetrics hides what it was just told.",
        ),
    ),
)
