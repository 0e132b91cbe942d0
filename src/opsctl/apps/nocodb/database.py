"""Rules about the database that a NocoDB keeps everything in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.nocodb.instance import DATABASE_VARIABLES, instances, unusable
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_FORM = "pg://HOST:5432?u=nocodb&p={{ secret('nocodb_db') | urlencode }}&d=nocodb"
_SECRET = re.compile(r"\{\{(?P<said>[^{}]*\bsecret\([^{}]*)\}\}")
_CONFIG = "npm nocodb 0.301.3: utils/nc-config/helpers.ts, NcConfig.ts"


def _unusable(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        if one.database == "NC_DB" and (wrong := unusable(one.env["NC_DB"])):
            yield one.hit(f"NC_DB {wrong}", f"NC_DB: {_FORM}", "env", "NC_DB")


def _several(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        for name in DATABASE_VARIABLES:
            if one.env.get(name) and name != one.database:
                yield one.hit(f"{name} counts for nothing: {one.database} wins", "keep one", "env", name)


def _bare(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        for name in ("NC_DB", "DATABASE_URL", "NC_DATABASE_URL"):
            written = one.view.written.env.get(name)
            if not isinstance(written, str) or "://" not in written:
                continue
            if any("urlencode" not in found["said"] for found in _SECRET.finditer(written)):
                message = f"{name} has a password as it is: one with & # + or % is another one to NocoDB"
                yield one.hit(message, "{{ secret('nocodb_db') | urlencode }}", "env", name)


def _wants_more(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        for server, connection in one.view.written.connections.items():
            if connection.total < one.pool:
                message = f"it may open {one.pool} connections to {server}, and states {connection.total}"
                hint = f"NC_DB_POOL_MAX: {connection.total}, or pool: {one.pool}"
                yield one.hit(message, hint, "connections", server)


RULES = (
    Rule(
        "NCO001",
        "apps",
        "error",
        "NocoDB: a database that it cannot use",
        "NC_DB is a URL of NocoDB's own kind: login and database are parameters. With another form it ends at its start.",
        f"{_FORM}, or DATABASE_URL with the usual form.",
        f"{_CONFIG}; run (0.301.3)",
        _unusable,
    ),
    Rule(
        "NCO002",
        "apps",
        "warning",
        "NocoDB: two variables that name its database",
        "DATABASE_URL wins over NC_DB, and NC_DB over NC_DB_JSON: whoever changes the other one changes nothing.",
        "Keep one of them.",
        f"{_CONFIG}; run (0.301.3)",
        _several,
    ),
    Rule(
        "NCO003",
        "apps",
        "warning",
        "NocoDB: a password that stands in a URL as it is",
        "In a parameter & ends the value, + is a blank and % begins a code: NocoDB logs in with another password, or not at all.",
        "The filter urlencode.",
        f"{_CONFIG}; run (0.301.3)",
        _bare,
    ),
    Rule(
        "NCO010",
        "apps",
        "warning",
        "NocoDB: more connections than it states",
        "The budget of the PostgreSQL server counts what is stated. NocoDB opens up to NC_DB_POOL_MAX (10) to its own database, and as "
        "many again to each external data source, which nobody sees from here.",
        "State what it may open, or bound it with NC_DB_POOL_MAX.",
        "npm nocodb 0.301.3: utils/nc-config/constants.ts, utils/common/NcConnectionMgrv2.ts",
        _wants_more,
    ),
)
