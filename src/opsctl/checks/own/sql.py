"""A query of a stack file in a database of the project, as the role that is declared for it, read only."""

from __future__ import annotations

import csv
import io

from opsctl.checks.own.talks import not_there
from opsctl.checks.questions import Inside, Ran, Talk, Verdict, failed, passed, ran, skipped, unknown
from opsctl.checks.situation import ServiceNow, Situation
from opsctl.model.checks import SqlCheck, SqlExpect
from opsctl.state.desired import DesiredDatabase

# The password is the first line of stdin, the query the rest: neither is in an argument list. psql 12 knows --csv.
_ASK = """\
unset PGHOSTADDR PGSERVICE PGDATABASE PGUSER PGPASSFILE
IFS= read -r PGPASSWORD
PGAPPNAME="opsctl verify"
PGOPTIONS="-c default_transaction_read_only=on -c statement_timeout=$3"
export PGPASSWORD PGOPTIONS PGAPPNAME
PGCONNECT_TIMEOUT=5 exec psql -X -q -w -t --csv -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "${PGPORT:-5432}" -U "$1" -d "$2"
"""


def keeper_of(one: ServiceNow, check: SqlCheck) -> str:
    """The service that keeps the database."""
    if check.service is not None:
        return check.service
    if any(kept.name == check.database for kept in one.service.databases):
        return one.name
    return next((name for name, kept in one.service.uses.items() if kept == check.database), one.name)


def sql(one: ServiceNow, check: SqlCheck, seconds: float, situation: Situation) -> Talk:
    found = _kept(situation, keeper_of(one, check), check.database)
    if found is None:
        return unknown("the host that keeps the database could not be looked at")
    keeper, database = found
    if absent := not_there(keeper):
        return absent
    open_ones = situation.subject.desired.unsettled | keeper.host.observed.rotating.keys()
    if database.secret in open_ones:
        return skipped(f"{database.secret} is being rotated")
    if "\n" in database.password:
        return unknown("the password holds a line break")
    words = ("sh", "-c", _ASK, "opsctl", database.login, database.name, str(int(seconds * 1000)))
    stdin = f"{database.password}\n{check.query.rstrip().rstrip(';')};\n".encode()
    answer = yield from ran(Inside(keeper.host.name, keeper.name, words, stdin=stdin, timeout=seconds))
    return judge_sql(answer, check.expect)


def _kept(situation: Situation, service: str, database: str) -> tuple[ServiceNow, DesiredDatabase] | None:
    for host, now in situation.hosts.items():
        if service in now.desired.services:
            one = situation.service(host, service)
            for kept in one.service.databases:
                if kept.name == database:
                    return one, kept
    return None


def judge_sql(answer: Ran, expect: SqlExpect) -> Verdict:
    """Psql ends with 2 where no session began, with 3 where a statement failed. Where the server itself let nobody in, the
    application does not get in either.
    """
    if answer.code == 3:  # noqa: PLR2004 - said above
        return failed(f"psql: {answer.last_line()}")
    if answer.code and "FATAL:" in answer.last_line():
        return failed(f"it does not get in: {answer.last_line().partition('FATAL:')[2].strip()}")
    if answer.code:
        return unknown(f"psql: {answer.last_line()}")
    rows = list(csv.reader(io.StringIO(answer.stdout.decode(errors="replace"))))
    if expect.rows is not None and len(rows) != expect.rows:
        return failed("another number of rows", expected=str(expect.rows), observed=str(len(rows)))
    if expect.value is not None:
        value = rows[0][0] if rows and rows[0] else None
        if value != expect.value:
            return failed(
                "another value", expected=expect.value, observed="no row" if value is None else value
            )
    return passed(f"{len(rows)} row{'s' if len(rows) != 1 else ''}")
