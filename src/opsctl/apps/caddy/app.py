"""Caddy as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App
from opsctl.apps.caddy import access, serving
from opsctl.apps.caddy.settings import Settings
from opsctl.apps.caddy.trial import takes_its_caddyfile
from opsctl.checks.gates import Gate

CADDY = App(
    name="caddy",
    settings=Settings,
    rules=tuple(sorted((*access.RULES, *serving.RULES), key=lambda rule: rule.id)),
    gate=Gate(
        "Caddy keeps certificates and no format of its own", returns="always", trial=takes_its_caddyfile
    ),
    page="stacks/caddy.md",
    # The image is Alpine: busybox wget, no curl. 2019 is the admin API, which listens inside the container alone.
    probe=("CMD", "wget", "-qO-", "http://127.0.0.1:2019/config/"),
    checks=partial(resolve_name, "opsctl.apps.caddy.checks:CHECKS"),
    reload="read anew by caddy reload, without a dropped request: mount: directory, on_change: {reload: [caddy, reload, …]}",
)
