"""NocoDB as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.nocodb import access, database, environment
from opsctl.apps.nocodb.settings import Settings
from opsctl.checks.gates import Gate

NOCODB = App(
    name="nocodb",
    settings=Settings,
    rules=tuple(sorted((*database.RULES, *access.RULES, *environment.RULES), key=lambda rule: rule.id)),
    gate=Gate("it migrates its database at its start; no way back was found in 0.301.3"),
    page="stacks/nocodb.md",
    checks=partial(resolve_name, "opsctl.apps.nocodb.checks:CHECKS"),
    # The image has busybox. It listens long before it is ready, and answers 404 until then.
    probe=("CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/api/v1/health"),
    reload="all of it is environment: a changed variable is a recreate",
    upgrades=(
        Upgrade("0.207.3", "Older ones go there first: what is newer refuses their databases at its start."),
        Upgrade("0.301.3", "It mends vulnerabilities of 0.301.2 (NCO012)."),
        Upgrade(
            "2026.04.1",
            "Versions are dates from here on. NC_SITE_URL is the new name of NC_PUBLIC_URL, which is still read (NCO007). Back up the "
            "database: it is migrated at the first start, and going back needs that copy.",
        ),
    ),
)
