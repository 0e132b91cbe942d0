"""Headscale as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.headscale import dns, keys, process, records
from opsctl.apps.headscale.settings import Settings
from opsctl.checks.gates import Gate

HEADSCALE = App(
    name="headscale",
    settings=Settings,
    rules=tuple(sorted((*keys.RULES, *dns.RULES, *records.RULES, *process.RULES), key=lambda rule: rule.id)),
    # hscontrol/db/versioncheck.go: patch changes in either direction; earlier ones look at nothing and promise nothing.
    gate=Gate(
        "Headscale 0.29 looks at the database and refuses else",
        steps="minor",
        returns="patch",
        since=(0, 29),
    ),
    page="stacks/headscale.md",
    checks=partial(resolve_name, "opsctl.apps.headscale.checks:CHECKS"),
    # The image is distroless; the command came with 0.27.
    probe=("CMD", "headscale", "health"),
    reload="config.yaml is read at the start only: on_change: restart where its folder is mounted, else recreate; the file of "
    "extra_records_path is watched: on_change: none",
    upgrades=(
        Upgrade(
            "0.23.0",
            "dns_config.* becomes dns.*, db_* becomes database.*, ip_prefixes becomes prefixes.*; override_local_dns does nothing until "
            "0.26. The image's entrypoint is headscale: command: serve.",
        ),
        Upgrade("0.24.0", "dns.extra_records_path is new; use_username_in_magic_dns ends it (HSC002)."),
        Upgrade(
            "0.26.0",
            "dns.override_local_dns is back, true by default, and then wants dns.nameservers.global (HSC003). Policies must name users "
            "with an @. Pre-auth keys are made for the id of a user.",
        ),
        Upgrade("0.27.0", "The SQLite schema is migrated: back it up first. headscale health is new."),
        Upgrade(
            "0.28.0",
            "Databases from before 0.25 are not migrated any more. Pre-auth keys are hashed, shown once, and expired by their id.",
        ),
        Upgrade(
            "0.29.0",
            "One minor version at a time, and none back: it looks at the database and refuses else. randomize_client_port and "
            "oidc.expiry end it (HSC002); `*` in a policy means the VPN's own addresses.",
        ),
    ),
)
