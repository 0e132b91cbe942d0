"""Databases that a service keeps for others, and the connections that others hold to them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from opsctl.model.frozen import Frozen
from opsctl.model.hosts import SecretName
from opsctl.model.nearest import nearest
from opsctl.model.values import Unfit

# NAMEDATALEN - 1: PostgreSQL cuts longer names off with a mere notice. The server keeps names that begin with pg_ for
# itself, and takes "public" and "none" for roles by other meanings (src/backend/catalog/namespace.c, commands/user.c; 18).
_LONGEST = 63
_KEPT = frozenset({"public", "none", "template0", "template1"})
# Of the server's own (predefined roles, 18), without those that reach files and programs of its host.
_PREDEFINED = frozenset(
    {
        *("pg_monitor", "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables"),
        *("pg_read_all_data", "pg_write_all_data", "pg_maintain", "pg_checkpoint"),
        *("pg_signal_backend", "pg_use_reserved_connections", "pg_create_subscription"),
    }
)
_EXTENSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")


def check_identifier(value: Any) -> str:
    """The name of a role or of a database, as it is: no case is folded. Raises Unfit."""
    if not isinstance(value, str) or not value:
        raise Unfit("a name of PostgreSQL is text", "put it in quotes")
    if len(value.encode()) > _LONGEST:
        raise Unfit(f"{value!r} is longer than the {_LONGEST} bytes of a name of PostgreSQL")
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise Unfit(f"{value!r} has control characters")
    if value in _KEPT or value.startswith("pg_"):
        raise Unfit(f"{value!r} is a name that PostgreSQL keeps for itself")
    return value


def check_membership(value: Any) -> str:
    """A role that another becomes a member of: one of the operator's, or one that the server has for that. Raises Unfit."""
    if isinstance(value, str) and value.startswith("pg_"):
        if value not in _PREDEFINED:
            hint = nearest(value, _PREDEFINED) or f"there are: {', '.join(sorted(_PREDEFINED))}"
            raise Unfit(f"{value!r} is no role of PostgreSQL that opsctl gives away", hint)
        return value
    return check_identifier(value)


def check_extension(value: Any) -> str:
    """Raises Unfit."""
    if not isinstance(value, str) or not _EXTENSION.fullmatch(value):
        raise Unfit(f"{value!r} is not the name of an extension", "as in pg_available_extensions: vector")
    return value


Identifier = Annotated[
    str, BeforeValidator(check_identifier), WithJsonSchema({"type": "string", "minLength": 1})
]
Membership = Annotated[
    str, BeforeValidator(check_membership), WithJsonSchema({"type": "string", "minLength": 1})
]
Extension = Annotated[
    str,
    BeforeValidator(check_extension),
    WithJsonSchema({"type": "string", "pattern": f"^{_EXTENSION.pattern}$"}),
]


class Database(Frozen):
    """One database with the role that uses it. `role` "": it is called like the database.

    `logins` are two roles that take turns as the login of `role`, which then is the owner behind them. `connection_limit` is
    for each login. `member_of` are roles whose rights it has too, also such as pg_monitor; those of `connect` may connect and no more.
    """

    password: SecretName
    role: Identifier | None = None
    logins: tuple[Identifier, ...] = ()
    extensions: tuple[Extension, ...] = ()
    connection_limit: Annotated[int, Field(ge=1)] | None = None
    member_of: tuple[Membership, ...] = ()
    connect: tuple[Identifier, ...] = ()

    @model_validator(mode="after")
    def _turns_are_two(self) -> Self:
        if self.logins and len({*self.logins, self.role}) != len(self.logins) + 1:
            raise Unfit("logins are two names, other than the role's", "logins: [app_a, app_b]")
        if len(self.logins) not in {0, 2}:
            raise Unfit("logins are two names that take turns", "logins: [app_a, app_b]; else leave it out")
        return self


class Connection(Frozen):
    """What one service may hold open to a database: `pool` connections in each of `processes`."""

    database: Identifier
    pool: Annotated[int, Field(ge=1)]
    processes: Annotated[int, Field(ge=1)] = 1

    @property
    def total(self) -> int:
        return self.pool * self.processes
