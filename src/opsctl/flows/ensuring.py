"""Making the databases and roles of a plan, in a PostgreSQL server that runs."""

from __future__ import annotations

import secrets as chance
from collections.abc import Iterator, Mapping

from opsctl.argv import databases as argv
from opsctl.argv import marks
from opsctl.argv.command import Completed
from opsctl.argv.postgresql import administer
from opsctl.errors import CouldNotFindOut
from opsctl.flows import containers
from opsctl.flows.site import Site
from opsctl.plan.ensure import Ensure
from opsctl.plan.ensures import remembered
from opsctl.secrets.scram import fits, verifier
from opsctl.state.desired import DesiredDatabase

_NO_SESSION = 2
"""psql's exit code where no session began, or where it ended: a server that was just made restarts once."""
_PAUSES = (1.0, 2.0, 4.0, 8.0)
_SALT = 16


def ensure(site: Site, step: Ensure) -> None:
    """Raises CommandFailed with the server's words, OperationFailed where there is no container, CouldNotFindOut for an
    answer that cannot be read, and what `Site.attempt` raises. Whatever was made before stays.
    """
    container = containers.found(site.connection.engine, site.host.project, step.service, site.name)
    roles = {name for one in step.databases for name in (one.role, one.login)}
    said = _run(site, step, container, argv.kept_sql(roles))
    try:
        kept = argv.kept(said.stdout)
    except ValueError as error:
        raise CouldNotFindOut(
            f"what {step.service} says of its roles cannot be read", where=site.name
        ) from error
    _run(site, step, container, "".join(_cluster(step.databases, kept)))
    for one in step.databases:
        _run(site, step, container, argv.inside_sql(one.role, one.extensions), one.name)
    site.run(marks.ensured(site.directory, site.run_id, step.service, remembered(container, step.record)))


def _cluster(databases: tuple[DesiredDatabase, ...], kept: Mapping[str, argv.Kept]) -> Iterator[str]:
    yield argv.roles_sql({one.role for one in databases})
    for one in databases:
        there = kept.get(one.login)
        known = there is not None and fits(one.password, there.verifier)
        if not known or not (there and there.login):
            hashed = verifier(one.password, chance.token_bytes(_SALT))
            yield argv.role_sql(one.role, one.login, hashed)
        yield argv.database_sql(
            one.name,
            one.role,
            one.login,
            limit=one.connection_limit,
            member_of=one.member_of,
            guests=one.connect,
        )


def _run(site: Site, step: Ensure, container: str, sql: str, database: str = "") -> Completed:
    """Put again while the server takes no session; it may just be starting."""
    command = administer(site.directory, site.run_id, container, sql, database=database)
    completed = site.attempt(command)
    for pause in _PAUSES:
        if completed.code != _NO_SESSION:
            break
        site.world.clock.sleep(pause)
        completed = site.attempt(command)
    if completed.ok:
        return completed
    raise site.failure(completed, f"{step.service} did not make {_named(step, database)}", _hint(completed))


def _named(step: Ensure, database: str) -> str:
    return f"what database {database} needs" if database else ", ".join(one.name for one in step.databases)


def _hint(completed: Completed) -> str:
    said = completed.stderr.decode(errors="replace")
    if "is not available" in said or "extension control file" in said:
        return "the image has no such extension: take one that has (pgvector/pgvector:pg17), or leave it out"
    if completed.code == _NO_SESSION:
        return "opsctl talks to the server by its socket, which pg_hba.conf must trust for the superuser"
    return "what was made before stays; mend the cause and deploy again"
