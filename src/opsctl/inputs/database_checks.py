"""Databases and connections: who keeps them, who uses them, and that the two fit."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.inputs.scopes import Member, Scope
from opsctl.model.databases import Database
from opsctl.model.nearest import nearest
from opsctl.model.stack import Service

KEEPER = "postgresql"
"""The app whose services may keep databases."""


def check_databases(scope: Scope, member: Member) -> None:
    """Add a problem for each thing that does not fit, of one service."""
    _check_kept(scope, member)
    for name, connection in member.service.connections.items():
        where = ("connections", name)
        lead = f"services.{member.name}.connections"
        found = list(keepers(scope, name))
        if not found and not _is_known(scope, name):
            known = {one for one in _names(scope) if any(each.databases for each in keepers(scope, one))}
            message = f"{lead}: there is no service {name!r} in this environment"
            scope.draft.add(scope.place(member, *where), message, nearest(name, known))
        for keeper in found[:1]:
            if connection.database not in keeper.databases:
                message = f"{lead}.{name}: {name} keeps no database {connection.database!r}"
                hint = nearest(connection.database, keeper.databases)
                hint = hint or f"name it there: databases: {{{connection.database}: {{password: …}}}}"
                scope.draft.add(scope.place(member, *where, "database"), message, hint)


def _check_kept(scope: Scope, member: Member) -> None:
    databases = member.service.databases
    lead = f"services.{member.name}.databases"
    if databases and member.service.app != KEEPER:
        place = scope.place(member, "databases")
        scope.draft.add(
            place, f"{lead}: only a service of the app {KEEPER} keeps databases", f"app: {KEEPER}"
        )
    first: dict[str, tuple[str, Database]] = {}
    for name, database in databases.items():
        role = database.role or name
        if role in database.logins:
            place = scope.place(member, "databases", name, "logins")
            hint = "it is the owner behind them: call the logins otherwise"
            scope.draft.add(place, f"{lead}.{name}: {role!r} cannot be one of its own logins", hint)
        for one in (role, *database.logins):
            other, before = first.setdefault(one, (name, database))
            if (before.password, before.logins) != (database.password, database.logins):
                place = scope.place(member, "databases", name)
                hint = "a role has one password: name the same secret and logins, or another role"
                scope.draft.add(
                    place, f"{lead}.{name}: the role {one!r} is that of {other} with another password", hint
                )


def keepers(scope: Scope, name: str) -> Iterator[Service]:
    """The services of that name, on whatever host of the environment."""
    for (environment, stack), file in scope.draft.stacks.items():
        if environment == scope.environment and name in file.services and _runs(scope, stack):
            yield file.services[name]


def _names(scope: Scope) -> Iterator[str]:
    for stack, names in scope.draft.services.items():
        if _runs(scope, stack):
            yield from names


def _is_known(scope: Scope, name: str) -> bool:
    """Also where it could not be read."""
    return name in _names(scope)


def _runs(scope: Scope, stack: str) -> bool:
    users = scope.draft.users(stack)
    return not scope.host or any(environment == scope.environment for environment, _host in users)
