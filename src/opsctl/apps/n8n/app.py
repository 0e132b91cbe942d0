"""n8n as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.n8n import keeping, load, naming, scaling, serving
from opsctl.apps.n8n.instance import NAME
from opsctl.apps.n8n.rosters import ROSTERS
from opsctl.apps.n8n.settings import Settings
from opsctl.apps.n8n.trial import takes_its_variables
from opsctl.checks.gates import Gate

N8N = App(
    name=NAME,
    settings=Settings,
    rules=tuple(
        sorted(
            (*naming.RULES, *load.RULES, *scaling.RULES, *keeping.RULES, *serving.RULES),
            key=lambda rule: rule.id,
        )
    ),
    gate=Gate(
        "its migrations have no way back (n8n db:revert takes one back, where that can be)",
        trial=takes_its_variables,
        rosters=ROSTERS,
    ),
    page="stacks/n8n.md",
    checks=partial(resolve_name, "opsctl.apps.n8n.checks:CHECKS"),
    probe=serving.PROBE,
    reload="read at the start only: a changed variable is a recreate",
    upgrades=(
        Upgrade(
            "2.0.0",
            "MySQL and MariaDB are gone: DB_TYPE is sqlite or postgresdb (N8N013). Task runners are always on: count their memory, and "
            "take N8N_RUNNERS_ENABLED out (N8N014).",
        ),
        Upgrade(
            "2.41.1",
            "WEBHOOK_URL is deprecated for N8N_WEBHOOK_URL, and N8N_DB_PING_TIMEOUT for DB_PING_TIMEOUT_MS (N8N014); which release began "
            "with it is not known.",
        ),
    ),
)
