"""Talking to a PostgreSQL container: statements as its administrator, and logins as a consumer.

Statements and passwords travel on standard input alone. A password to be set travels as a SCRAM verifier only
(opsctl.secrets.scram), so no log of the server ever holds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from opsctl.argv.command import Command, Completed, script
from opsctl.argv.guard import guarded
from opsctl.argv.probe import probe
from opsctl.secrets.pgpass import pgpass

__all__ = [
    "LONGEST_NAME",
    "Facts",
    "Role",
    "accepted",
    "administer",
    "facts",
    "facts_sql",
    "let_in_sql",
    "listed",
    "log_in",
    "password_sql",
    "shut_out_sql",
    "statements",
]

LONGEST_NAME = 63
"""Bytes of an identifier; PostgreSQL cuts longer ones off with a mere notice (NAMEDATALEN)."""

_CONNECT_SECONDS = 10
_TIMEOUT = 60.0

# The local socket: the official image trusts it (docker-entrypoint.sh, pg_setup_hba_conf), so that a wrong password in
# the store locks nobody out. The superuser is POSTGRES_USER, from a file where POSTGRES_USER_FILE says so.
_ADMINISTER = """\
unset PGHOST PGHOSTADDR PGSERVICE PGDATABASE PGUSER PGPASSWORD PGPASSFILE PGOPTIONS
user=${1:-${POSTGRES_USER:-}}
if [ -z "$user" ] && [ -n "${POSTGRES_USER_FILE:-}" ]; then user=$(cat "$POSTGRES_USER_FILE"); fi
export PGCLIENTENCODING=UTF8 PGDATABASE="${2:-postgres}"
exec psql -X -q -w -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=terse -U "${user:-postgres}"
"""

# libpq leaves a password file alone that others may read.
_LOG_IN = """\
umask 077
cat >/tmp/pgpass || exit 70
export PGPASSFILE=/tmp/pgpass PGCONNECT_TIMEOUT="$1"
exec psql -X -q -w -A -t -h "$2" -p "$3" -U "$4" -d "$5" -c 'select 1' </dev/null
"""

_FACTS = """\
select json_build_object(
  'roles', (select json_object_agg(rolname, json_build_array(rolcanlogin, rolsuper)) from pg_catalog.pg_roles
            where rolname in (select json_array_elements_text(:'roles'))),
  'databases', (select json_agg(datname) from pg_catalog.pg_database
                where datallowconn and datname in (select json_array_elements_text(:'databases'))));
"""
_CHANGE = """\
alter role :"role" login password :'verifier';
"""
_LET_IN = """\
set client_min_messages = error;
begin;
select 'create role ' || quote_ident(:'role')
  where not exists (select from pg_catalog.pg_roles where rolname = :'role') \\gexec
grant :"owner" to :"role";
alter role :"role" set role to :"owner";
alter role :"role" login inherit password :'verifier';
commit;
"""
_SHUT_OUT = """\
select 'alter role ' || quote_ident(rolname) || ' nologin' from pg_catalog.pg_roles
  where rolcanlogin and rolname in (select json_array_elements_text(:'roles')) \\gexec
"""

# libpq prints no SQLSTATE of a refused connection, so words must do; a server that speaks another language
# (lc_messages) is not understood. 28P01, and 28000 of src/backend/utils/init/miscinit.c.
_REFUSED = re.compile(
    rb"FATAL:\s+(?:password authentication failed for user|role .* is not permitted to log in|role .* does not exist)"
)


@dataclass(frozen=True, slots=True)
class Role:
    """What pg_roles says of one."""

    login: bool
    superuser: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is of what was asked for."""

    roles: Mapping[str, Role]
    databases: frozenset[str]


def administer(
    directory: str, run: str, container: str, sql: str, *, administrator: str = "", database: str = ""
) -> Command:
    """Run statements as the container's superuser, or as `administrator`, in `database` or the one called postgres; the first
    that fails ends it with code 3, and code 2 says that no session began.
    """
    # As PGDATABASE and not as -d, which takes a name with "=" in it for a whole connection string (libpq 15).
    arguments = (administrator, database) if database else (administrator,)
    return guarded(
        directory,
        run,
        ("docker", "exec", "--interactive", container, *script(_ADMINISTER, *arguments)),
        stdin=sql.encode(),
        timeout=_TIMEOUT,
        privilege="both",
        label="psql",
    )


def log_in(
    directory: str,
    run: str,
    *,
    image: str,
    network: str,
    host: str,
    port: str,
    role: str,
    password: str,
    database: str,
) -> Command:
    """Log in from a container of its own on `network`. Raises UsageError as `pgpass`."""
    return probe(
        directory,
        run,
        image=image,
        network=network,
        source=_LOG_IN,
        arguments=(str(_CONNECT_SECONDS), host, port, role, database),
        stdin=pgpass(password),
        timeout=_TIMEOUT,
    )


def accepted(login: Completed) -> bool | None:
    """Whether a login was accepted; None where that cannot be told from what was said."""
    if login.ok and login.stdout.strip() == b"1":
        return True
    return False if _REFUSED.search(login.stderr) else None


def facts_sql(roles: Collection[str], databases: Collection[str] = ()) -> str:
    """Statements that print one line for `facts`."""
    return statements(_FACTS, roles=listed(roles), databases=listed(databases))


def facts(printed: bytes) -> Facts:
    """What `facts_sql` printed. Raises ValueError where it is something else."""
    found = json.loads(printed.decode())
    return Facts(
        roles={
            name: Role(bool(login), bool(power)) for name, (login, power) in (found["roles"] or {}).items()
        },
        databases=frozenset(found["databases"] or ()),
    )


def password_sql(role: str, verifier: str) -> str:
    """Give a role that exists a password, and let it log in; its open sessions go on."""
    return statements(_CHANGE, role=role, verifier=verifier)


def let_in_sql(role: str, owner: str, verifier: str) -> str:
    """Make `role` a login that acts as `owner` from its first statement on; it may be there already, in any state.

    What it makes then belongs to `owner`, so that the next login finds it its own.
    """
    return statements(_LET_IN, role=role, owner=owner, verifier=verifier)


def shut_out_sql(roles: Collection[str]) -> str:
    """Let no new session of these roles begin; their open ones go on. Those that do not exist are passed over."""
    return statements(_SHUT_OUT, roles=listed(roles))


def statements(statements: str, **variables: str) -> str:
    """Constant statements after their variables: psql itself quotes what it puts in for :'name' and :"name"."""
    return "".join(f"\\set {name} {_quoted(value)}\n" for name, value in variables.items()) + statements


def _quoted(value: str) -> str:
    """As psql reads it in the arguments of a backslash command: no variables between single quotes, but C's escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n") + "'"


def listed(names: Collection[str]) -> str:
    """Names as the value of a variable that json_array_elements_text takes apart."""
    return json.dumps(sorted(names))
