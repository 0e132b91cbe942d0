"""OpenClaw as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.openclaw import access, keys, plugins, sandboxes
from opsctl.apps.openclaw.memory import rows
from opsctl.apps.openclaw.rosters import GATE
from opsctl.apps.openclaw.settings import Settings

# The image has node; whether it has curl differs by variant.
_ASK = "fetch('http://127.0.0.1:18789/healthz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"

OPENCLAW = App(
    name="openclaw",
    settings=Settings,
    rules=tuple(
        sorted((*keys.RULES, *plugins.RULES, *sandboxes.RULES, *access.RULES), key=lambda rule: rule.id)
    ),
    page="stacks/openclaw.md",
    checks=partial(resolve_name, "opsctl.apps.openclaw.checks:CHECKS"),
    probe=("CMD", "node", "-e", _ASK),
    reload="a changed openclaw.json is a recreate, the default of on_change: what it reloads by itself differs by key and version",
    memory=rows,
    gate=GATE,
    upgrades=(
        Upgrade("2026.1", "An unknown key ends the gateway at its start (OCL001)."),
        Upgrade("2026.2.22", "channels.ID.enabled alone does not switch a channel on (OCL004)."),
        Upgrade(
            "2026.2.23",
            "channels.ID.enabled counts again; session.dmScope and the streaming keys of channels changed.",
        ),
        Upgrade(
            "2026.2.24",
            "Beyond loopback the Control UI needs allowedOrigins (OCL012); sandboxes take no network container:ID.",
        ),
        Upgrade(
            "2026.3.1", "/healthz and /readyz (OCL013); from 2026.3.2 on the image asks /healthz itself."
        ),
        Upgrade(
            "2026.3.7",
            "A token and a password need gateway.auth.mode (OCL011); the image lacks Dockerfile.sandbox.",
        ),
        Upgrade("2026.8.1", "agents.list is agents.entries (OCL002)."),
        Upgrade(
            "2026.9.6",
            "Node 24.16 or newer; state is migrated at the start, and exit code 78 says that it cannot be; WhatsApp and Discord are "
            "plugins to install; a stop may drain for 315 s.",
        ),
    ),
)
