"""OpenCut as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.opencut import access, building, redis_proxy
from opsctl.apps.opencut.settings import Settings

OPENCUT = App(
    name="opencut",
    settings=Settings,
    rules=tuple(sorted((*building.RULES, *redis_proxy.RULES, *access.RULES), key=lambda rule: rule.id)),
    page="stacks/opencut.md",
    checks=partial(resolve_name, "opsctl.apps.opencut.checks:CHECKS"),
    probe=("CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/api/health"),
    reload="a variable of the server is a recreate; one that begins with NEXT_PUBLIC_ is a build, and then a recreate",
    upgrades=(
        Upgrade(
            "2026-05-17",
            "The editor was archived as opencut-app/opencut-classic; opencut-app/opencut is a rewrite that shares nothing with it.",
        ),
    ),
)
