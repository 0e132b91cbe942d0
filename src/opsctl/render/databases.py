"""The databases that a service keeps, with the passwords of their roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opsctl.model.databases import Database
from opsctl.model.fleet import Place
from opsctl.render.context import Secrets
from opsctl.render.problems import Problems
from opsctl.state.desired import DesiredDatabase


def desired_databases(
    databases: Mapping[str, Database],
    secrets: Secrets,
    problems: Problems,
    place: Callable[..., Place],
) -> tuple[DesiredDatabase, ...]:
    """Sorted by name; those whose secret cannot be had are problems at `place(name, "password")`.

    Where two logins take turns, the secret says whose turn it is; its first value may still be that of the role itself.
    """
    found = []
    for name, one in sorted(databases.items()):
        role, secret = one.role or name, one.password.secret
        with problems.at(place(name, "password")):
            said = secrets.login(secret) if one.logins else role
            found.append(
                DesiredDatabase(
                    name=name,
                    role=role,
                    login=said if said in one.logins else role,
                    password=secrets.of(secret),
                    secret=secret,
                    extensions=one.extensions,
                    connection_limit=one.connection_limit,
                    member_of=one.member_of,
                    connect=one.connect,
                )
            )
    return tuple(found)
