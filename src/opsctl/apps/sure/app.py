"""Sure as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.sure import keys, pairing, reach
from opsctl.apps.sure.settings import Settings
from opsctl.checks.gates import Gate

SURE = App(
    name="sure",
    settings=Settings,
    rules=tuple(sorted((*pairing.RULES, *keys.RULES, *reach.RULES), key=lambda rule: rule.id)),
    gate=Gate("Rails migrations run at the start (db:prepare)"),
    page="stacks/sure.md",
    checks=partial(resolve_name, "opsctl.apps.sure.checks:CHECKS"),
    probe=("CMD", "curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:3000/up"),
    reload="all of it is environment: a changed variable is a recreate of web and worker",
    upgrades=(
        Upgrade("0.6.5", "procps is in the image: a worker can be checked with pgrep."),
        Upgrade("0.7.2", "Rails 8.1, after 7.2: back up the database before; going back needs that copy."),
    ),
)
