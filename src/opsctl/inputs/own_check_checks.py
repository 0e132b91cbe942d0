"""Checks of stack files: names, machines to ask from, databases to ask in."""

from __future__ import annotations

from collections import Counter

from opsctl.inputs.database_checks import keepers
from opsctl.inputs.scopes import Member, Scope
from opsctl.model.checks import SqlCheck
from opsctl.model.nearest import nearest

_FROM = ("here", "host")


def check_own_checks(scope: Scope, member: Member) -> None:
    """Add a problem for each thing that does not fit, of one service."""
    lead = f"services.{member.name}.checks"
    names = Counter(one.name for one in member.service.checks)
    for index, one in enumerate(member.service.checks):
        at = ("checks", index)
        if names[one.name] > 1:
            names[one.name] = 0  # told once
            scope.draft.add(scope.place(member, *at), f"{lead}: two of them are called {one.name!r}")
        asked = one.http or one.tcp
        if asked and asked.from_ not in {*_FROM, *scope.hosts}:
            message = f"{lead}.{one.name}: there is no host {asked.from_!r} in the environment {scope.environment!r}"
            hint = nearest(asked.from_, {*_FROM, *scope.hosts})
            scope.draft.add(scope.place(member, *at, one.kind, "from"), message, hint)
        if one.sql:
            _check_database(scope, member, one.sql, (*at, "sql"), f"{lead}.{one.name}")


def _check_database(
    scope: Scope, member: Member, check: SqlCheck, at: tuple[str | int, ...], lead: str
) -> None:
    service = member.service
    if check.service is None and check.database in service.databases:
        return
    keeper = check.service or next(
        (name for name, one in service.connections.items() if one.database == check.database), ""
    )
    if not keeper:
        known = {*service.databases, *(one.database for one in service.connections.values())}
        hint = nearest(check.database, known) or "service: the one whose databases hold it"
        scope.draft.add(
            scope.place(member, *at, "database"), f"{lead}: nothing says who keeps {check.database!r}", hint
        )
        return
    found = list(keepers(scope, keeper))
    if found and not any(check.database in one.databases for one in found):
        known = {name for one in found for name in one.databases}
        scope.draft.add(
            scope.place(member, *at, "database"),
            f"{lead}: {keeper} keeps no database {check.database!r}",
            nearest(check.database, known),
        )
    elif not found:
        scope.draft.add(
            scope.place(member, *at, "service"), f"{lead}: there is no service {keeper!r} in this environment"
        )
