"""PostgreSQL as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.postgresql import connections, process, roles
from opsctl.apps.postgresql.server import NAME, version_of
from opsctl.apps.postgresql.settings import Settings
from opsctl.apps.postgresql.trial import starts_with_its_options
from opsctl.checks.gates import Gate

POSTGRESQL = App(
    name=NAME,
    settings=Settings,
    rules=tuple(sorted((*connections.RULES, *roles.RULES, *process.RULES), key=lambda rule: rule.id)),
    gate=Gate(
        "postgresql.org, Upgrading a PostgreSQL Cluster",
        stays="major",
        returns="always",
        trial=starts_with_its_options,
        version=version_of,
    ),
    page="stacks/postgresql.md",
    probe=("CMD", "pg_isready", "-h", "127.0.0.1"),
    checks=partial(resolve_name, "opsctl.apps.postgresql.checks:CHECKS"),
    reload="a changed command is a recreate, a changed postgresql.conf too (the default of on_change); what needs no restart is "
    "taken by a signal: on_change: {signal: SIGHUP}",
    upgrades=(
        Upgrade(
            "14",
            "Passwords are SCRAM by default; md5 ones are not taken by pg_hba.conf that asks for scram-sha-256.",
        ),
        Upgrade("15", "Nobody but the owner of a database may create in its schema public."),
        Upgrade("16", "reserved_connections and pg_use_reserved_connections are new."),
        Upgrade(
            "18",
            "The volume moves from /var/lib/postgresql/data to /var/lib/postgresql (DBS005), and initdb turns checksums on.",
        ),
    ),
)
