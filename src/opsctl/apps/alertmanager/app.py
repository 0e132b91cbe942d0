"""Alertmanager as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.alertmanager import telling
from opsctl.apps.alertmanager.settings import Settings
from opsctl.apps.app import App, Upgrade

# The image is busybox, and its process is nobody (65534).
ALERTMANAGER = App(
    name="alertmanager",
    settings=Settings,
    rules=telling.RULES,
    page="stacks/monitoring.md",
    checks=partial(resolve_name, "opsctl.apps.alertmanager.checks:CHECKS"),
    probe=("CMD", "wget", "-qO-", "http://127.0.0.1:9093/-/healthy"),
    reload="alertmanager.yml is read anew by a signal: mount: directory, on_change: {signal: SIGHUP}; the token at every message",
    upgrades=(
        Upgrade("0.26.0", "bot_token_file; before, the token stood in alertmanager.yml (ALM003)."),
        Upgrade("0.31.0", "chat_id_file, beside chat_id."),
    ),
)
