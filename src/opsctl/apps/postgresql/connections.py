"""Rules about the connections that services hold to a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.postgresql.budget import budgets
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject


def _over_budget(subject: Subject) -> Iterator[Hit]:
    for budget in budgets(subject):
        if budget.fits:
            continue
        most = max(budget.pools, key=lambda pool: pool.total)
        text = f"{budget.total} connections may be open, {budget.settings.usable} are let in; {most.service} may hold {most.total}"
        path = ("settings", "max_connections")
        yield budget.server.hit(
            text, "smaller pools, or a higher max_connections; opsctl connections shows the table", *path
        )


def _silent(subject: Subject) -> Iterator[Hit]:
    for budget in budgets(subject):
        for name in budget.silent:
            hint = f"connections: {{{budget.service}: {{database: {name}, pool: …}}}} at the service that uses it"
            yield budget.server.hit(f"nobody says how many connections {name} needs", hint, "databases", name)


def _tight_limit(subject: Subject) -> Iterator[Hit]:
    for budget in budgets(subject):
        kept = budget.server.view.written.databases
        for role in sorted({one.role or name for name, one in kept.items()}):
            mine = {name: one for name, one in kept.items() if (one.role or name) == role}
            limits = [one.connection_limit for one in mine.values() if one.connection_limit is not None]
            wanted = sum(budget.of(name) for name in mine)
            if limits and min(limits) < wanted:
                name = next(name for name, one in mine.items() if one.connection_limit == min(limits))
                text = f"{role} is let in {min(limits)} times, and its services may want {wanted}"
                hint = f"connection_limit: {wanted}, or smaller pools"
                yield budget.server.hit(text, hint, "databases", name, "connection_limit")


def _unwaited(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        for name in view.written.connections:
            waits = view.service.depends_on.get(name)
            if name in view.host.services and (waits is None or waits.condition != "service_healthy"):
                text = f"may start before its database at {name} is there"
                hint = f"depends_on: {{{name}: {{condition: service_healthy}}}}"
                place = view.place("connections", name)
                yield about(view, place, text, hint)


RULES = (
    Rule(
        "DBS001",
        "databases",
        "error",
        "PostgreSQL: pools that come to more than it lets in",
        "Once all pools are full, whoever comes next is refused (`sorry, too many clients already`), whichever service that is. "
        "Of 100 connections 97 are for ordinary roles.",
        "Smaller pools, fewer processes, or a higher max_connections (and memory for it); `opsctl connections` shows who may hold what.",
        "PostgreSQL 18, runtime-config-connection; facts: services 0 (7)",
        _over_budget,
    ),
    Rule(
        "DBS002",
        "databases",
        "note",
        "PostgreSQL: a database for which nobody states a pool",
        "The budget of connections does not count it.",
        "State connections: {SERVICE: {database: …, pool: …}} at the service that uses it.",
        "opsctl",
        _silent,
    ),
    Rule(
        "DBS004",
        "databases",
        "warning",
        "PostgreSQL: a role that is let in less often than its services want",
        "The limit of the role ends the pools before they are full: `too many connections for role`.",
        "Raise connection_limit to the sum of the pools, or lower the pools.",
        "PostgreSQL 18, CREATE ROLE, CONNECTION LIMIT",
        _tight_limit,
    ),
    Rule(
        "DBS009",
        "databases",
        "warning",
        "PostgreSQL: a service that does not wait for its database",
        "Roles and databases are made once the server is healthy. A service that does not wait for that may start before.",
        "depends_on: {SERVICE: {condition: service_healthy}}",
        "opsctl",
        _unwaited,
    ),
)
