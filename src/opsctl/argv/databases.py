"""Statements that make databases and roles where they are missing, each as often as one likes; none of them drops anything."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from opsctl.argv.postgresql import let_in_sql, listed, password_sql, statements

__all__ = ["Kept", "database_sql", "inside_sql", "kept", "kept_sql", "role_sql", "roles_sql"]

# A superuser may say so for its session: what follows then stands in no log, were it to hold more than verifiers.
_QUIET = """\
set log_statement = 'none';
set log_min_duration_statement = -1;
set client_min_messages = error;
"""
_KEPT = """\
select json_object_agg(rolname, json_build_array(rolcanlogin, coalesce(rolpassword, ''))) from pg_catalog.pg_authid
  where rolname in (select json_array_elements_text(:'roles'));
"""
_ROLES = """\
select format('create role %I nologin', name) from json_array_elements_text(:'roles') as name
  where not exists (select from pg_catalog.pg_roles where rolname = name) \\gexec
"""
# Who used the database by PUBLIC's right to connect is let in first by name, in one transaction with its end.
_DATABASE = """\
select format('create database %I owner %I', :'database', :'role')
  where not exists (select from pg_catalog.pg_database where datname = :'database') \\gexec
select format('alter role %I connection limit %s', :'login', :'limit') from pg_catalog.pg_roles
  where rolname = :'login' and rolconnlimit <> :'limit'::int \\gexec
select format('grant %I to %I', name, :'role') from json_array_elements_text(:'member_of') as name \\gexec
begin;
select format('grant connect, temporary, create on database %I to %I', :'database', :'role') \\gexec
select format('grant connect on database %I to %I', :'database', name)
  from json_array_elements_text(:'guests') as name \\gexec
select format('revoke connect on database %I from public', :'database') \\gexec
commit;
"""
# A database that was there may belong to somebody else, and since 15 only its owner may create in public.
_INSIDE = """\
select format('create extension if not exists %I', name) from json_array_elements_text(:'extensions') as name \\gexec
select format('grant usage, create on schema public to %I', :'role')
  where exists (select from pg_catalog.pg_namespace where nspname = 'public') \\gexec
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a server keeps of one role; `verifier` is "" where it has no password."""

    login: bool
    verifier: str = field(repr=False)


def kept_sql(roles: Collection[str]) -> str:
    """Statements that print one line for `kept`."""
    return statements(_QUIET + _KEPT, roles=listed(roles))


def kept(printed: bytes) -> Mapping[str, Kept]:
    """What `kept_sql` printed, by role. Raises ValueError where it is something else."""
    found = json.loads(printed.decode().strip() or "{}")
    pairs = found.items() if isinstance(found, dict) else [("", found)]
    if not all(isinstance(pair, list) and len(pair) == 2 for _name, pair in pairs):  # noqa: PLR2004 login and verifier
        raise ValueError("not roles with a login and a verifier")
    return {name: Kept(bool(login), str(verifier)) for name, (login, verifier) in pairs}


def roles_sql(roles: Collection[str]) -> str:
    """Roles that cannot log in yet, where there are none of these names."""
    return statements(_QUIET + _ROLES, roles=listed(roles))


def role_sql(role: str, login: str, verifier: str) -> str:
    """`login` may log in with this password, and acts as `role` where that is another one."""
    return password_sql(role, verifier) if role == login else let_in_sql(login, role, verifier)


def database_sql(
    name: str,
    role: str,
    login: str,
    *,
    limit: int | None,
    member_of: Collection[str],
    guests: Collection[str],
) -> str:
    """The database, who may connect, and how often `login` may. `guests` may connect and no more."""
    return statements(
        _DATABASE,
        database=name,
        role=role,
        login=login,
        limit=str(-1 if limit is None else limit),
        member_of=listed(member_of),
        guests=listed({*guests, *member_of}),
    )


def inside_sql(role: str, extensions: Collection[str]) -> str:
    """To be run in the database itself."""
    return statements(_QUIET + _INSIDE, role=role, extensions=listed(extensions))
