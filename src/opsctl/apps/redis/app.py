"""Redis as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.redis import access, memory, reading
from opsctl.apps.redis.settings import Settings
from opsctl.checks.gates import Gate

REDIS = App(
    name="redis",
    settings=Settings,
    rules=tuple(sorted((*reading.RULES, *memory.RULES, *access.RULES), key=lambda rule: rule.id)),
    gate=Gate("redis.io: an RDB file of a newer version is not read by an older one"),
    page="stacks/redis.md",
    # REDISCLI_AUTH of the environment is the password of the user probe, who may ping and read figures.
    probe=("CMD", "redis-cli", "-e", "--user", "probe", "ping"),
    checks=partial(resolve_name, "opsctl.apps.redis.checks:CHECKS"),
    reload="read at the start only: a changed redis.conf is a recreate, the default of on_change",
    upgrades=(
        Upgrade("6.0", "Users with rights of their own, and several passwords at once."),
        Upgrade(
            "7.0",
            "The append-only file is a folder, appendonlydir; a new user hears no channel without a rule such as &*.",
        ),
        Upgrade("8.0", "No more rebuilds of the tag: take 8.2 or later (RDS013)."),
        Upgrade("8.4", "The last variant on bookworm is 8.2: from here on trixie or alpine (RDS013)."),
    ),
)
