"""What is asked of a PostgreSQL server: how many connections are left, and whether each role gets in with its password."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from opsctl.apps.postgresql.server import NAME
from opsctl.apps.postgresql.settings import Settings
from opsctl.checks.check import Case, Check
from opsctl.checks.questions import Inside, Ran, Talk, Verdict, failed, passed, ran, skipped, unknown
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow, Situation
from opsctl.errors import UsageError
from opsctl.secrets.pgpass import pgpass
from opsctl.state.desired import DesiredDatabase

_SHARE = 0.8
_FULL = ("too many clients already", "connection slots are reserved")
"""What the server says to one client too many: where no slot is left, and to others than superusers (PostgreSQL 15, run; "reserved
for" goes on in other words since 16).
"""
# As opsctl.argv.postgresql administers: the local socket, which the official image trusts. Names that a container of its own
# environment gives do not lead elsewhere.
_ASK = """\
unset PGHOST PGHOSTADDR PGSERVICE PGDATABASE PGUSER PGPASSWORD PGPASSFILE PGOPTIONS
export PGAPPNAME="opsctl verify"
user=${POSTGRES_USER:-}
if [ -z "$user" ] && [ -n "${POSTGRES_USER_FILE:-}" ]; then user=$(cat "$POSTGRES_USER_FILE"); fi
exec psql -X -q -w -A -t -v ON_ERROR_STOP=1 -U "${user:-postgres}" -d postgres
"""
# reserved_connections is there since 16 (release notes); missing_ok gives null before. What checks hold at this moment is theirs.
_CONNECTIONS = """\
with clients as (select usename, pid from pg_catalog.pg_stat_activity
                 where backend_type = 'client backend' and application_name is distinct from 'opsctl verify')
select json_build_object(
  'most', current_setting('max_connections')::int,
  'kept', current_setting('superuser_reserved_connections')::int
          + coalesce(current_setting('reserved_connections', true)::int, 0),
  'used', (select count(*) from clients),
  'roles', (select json_object_agg(rolname, json_build_array(used, rolconnlimit)) from (
              select r.rolname, r.rolconnlimit, count(a.pid) as used from pg_catalog.pg_roles r
              left join clients a on a.usename = r.rolname
              where r.rolcanlogin group by 1, 2) as counted));
"""
# By the container's own address in its network, not by loopback: the image's pg_hba.conf trusts loopback and asks for the
# password elsewhere (docker-entrypoint.sh, pg_setup_hba_conf). libpq reads a password from a plain file only.
_LOG_IN = """\
umask 077
folder=/dev/shm
[ -w "$folder" ] || folder=/tmp
file=$(mktemp "$folder/opsctl.XXXXXX") || exit 70
trap 'rm -f "$file"' EXIT
trap 'exit 143' HUP INT TERM
cat >"$file" || exit 70
address=$(hostname -i | cut -d' ' -f1)
# As PGDATABASE and not as -d, which takes a name with "=" in it for a whole connection string (libpq 15).
export PGPASSFILE="$file" PGCONNECT_TIMEOUT=5 PGDATABASE="$2" PGAPPNAME="opsctl verify"
psql -X -q -w -A -t -h "$address" -p "${PGPORT:-5432}" -U "$1" -c 'select 1' </dev/null
"""


def _connections(one: ServiceNow) -> Talk:
    answer = yield from ran(Inside(one.host.name, one.name, ("sh", "-c", _ASK), stdin=_CONNECTIONS.encode()))
    said = answer.last_line()
    if answer.code and any(words in said for words in _FULL):
        return failed(f"nobody gets in any more: {said.partition('FATAL:')[2].strip()}")
    if answer.code:
        return unknown(f"psql: {said}")
    try:
        found = json.loads(answer.stdout)
    except ValueError:
        return unknown("psql printed something else than was asked for")
    settings = Settings.model_validate(one.view.written.settings)
    return judge(found, settings)


def judge(found: Mapping[str, Any], settings: Settings) -> Verdict:
    """What the server told of its connections, beside what the stack file states of it."""
    usable = int(found["most"]) - int(found["kept"])
    if usable != settings.usable:
        return failed(
            "it does not run with the connections that its settings state",
            expected=f"{settings.usable} usable",
            observed=f"{usable} usable of max_connections {found['most']}",
        )
    used = int(found["used"])
    full = [
        f"{role} holds {mine} of its {limit}"
        for role, (mine, limit) in sorted((found["roles"] or {}).items())
        if limit > 0 and mine >= _SHARE * limit
    ]
    if used >= _SHARE * usable:
        full.insert(0, f"{used} of {usable} usable connections are taken")
    return failed("; ".join(full)) if full else passed(f"{used} of {usable} usable connections")


def _logins(situation: Situation) -> Iterator[Case]:
    for one in situation.services(NAME):
        for database in one.service.databases:
            open_ones = situation.subject.desired.unsettled | one.host.observed.rotating.keys()
            talk = partial(_log_in, one, database, rotating=database.secret in open_ones)
            yield Case(one.host.name, one.name, talk, database.login)


def _log_in(one: ServiceNow, database: DesiredDatabase, *, rotating: bool) -> Talk:
    if rotating:
        return skipped(f"{database.secret} is being rotated")
    words = ("sh", "-c", _LOG_IN, "opsctl", database.login, database.name)
    try:
        stdin = pgpass(database.password)
    except UsageError as error:
        return unknown(f"{database.secret}: {error.message}")
    answer = yield from ran(Inside(one.host.name, one.name, words, stdin=stdin))
    return _told(answer, database)


def _told(answer: Ran, database: DesiredDatabase) -> Verdict:
    if not answer.code and answer.text == "1":
        return passed(f"{database.login} gets into {database.name}")
    said = answer.last_line()
    if "FATAL:" in said:
        return failed(
            f"{database.login} does not get into {database.name}: {said.partition('FATAL:')[2].strip()}"
        )
    return unknown(f"psql: {said}")


CHECKS = (
    Check(
        id="V-PGS-001",
        title="PostgreSQL has connections left, for everybody and for each role",
        severity="high",
        proves="Less than 80 % of the connections that ordinary roles can have are taken, of each role's own limit too, and the "
        "server runs with the numbers that its settings state.",
        mend="opsctl connections shows who may hold what; smaller pools, or a restart after max_connections was changed",
        source="pg_stat_activity, client backends; max_connections less the reserved ones (PostgreSQL 15, run)",
        cases=asked_of_each(NAME, _connections),
        tags=frozenset({"deploy", "data"}),
        software=True,
    ),
    Check(
        id="V-PGS-002",
        title="Each role gets into its database with the password of the store, over the network",
        severity="critical",
        proves="What services log in with is what the server knows; a look from inside the container by loopback would pass with "
        "any password.",
        mend="opsctl rotate-secret NAME; opsctl deploy makes roles that are missing",
        source="pg_hba.conf of the official image trusts loopback and the local socket (docker-entrypoint.sh)",
        cases=_logins,
        tags=frozenset({"deploy", "secrets", "data"}),
        software=True,
    ),
)
