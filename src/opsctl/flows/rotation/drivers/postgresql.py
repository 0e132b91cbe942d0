"""PostgreSQL: one role with one password, or two roles that take turns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from opsctl.argv import postgresql as argv
from opsctl.argv.command import Completed
from opsctl.errors import CouldNotFindOut, Refused, UsageError
from opsctl.flows.rotation.drivers.contract import Means
from opsctl.flows.rotation.drivers.generated import letters_and_digits
from opsctl.flows.rotation.drivers.system import Box, box, evidence, failed, told
from opsctl.flows.rotation.drivers.targets import Target
from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate
from opsctl.secrets.pgpass import pgpass
from opsctl.secrets.scram import verifier

NAME = "postgresql"
_KEYS = ("service", "role", "roles", "owner", "database", "administrator", "port", "length")
_PORT = 5432
_SALT = 16
_FALLBACK = "postgres"
"""The database that initdb makes for everybody."""


@dataclass(frozen=True, slots=True)
class PostgresqlTarget:
    """`role` is what a value without a login belongs to: the one role, or the owner behind two that take turns."""

    service: str
    role: str
    turns: tuple[str, ...]
    database: str
    administrator: str
    port: str
    length: int

    @classmethod
    def read(cls, name: str, values: Mapping[str, str]) -> PostgresqlTarget:
        """Raises UsageError that names the key."""
        target = Target.read(name, NAME, values, _KEYS)
        turns = tuple(target.get("roles").split())
        if turns:
            if target.get("role"):
                raise target.wrong(
                    "role", "stands beside roles", "name the two that take turns and their owner"
                )
            role = target.need("owner", "the role that both act as and that owns what they make: owner: app")
            if len({*turns, role}) != len(turns) + 1 or len(turns) != 2:  # noqa: PLR2004 turns are of two
                raise target.wrong(
                    "roles", "are two names, other than the owner's", 'for instance "app_a app_b"'
                )
        else:
            role = target.need(
                "role", "the role whose password it is; or roles and owner, for two that take turns"
            )
            if target.get("owner"):
                raise target.wrong("owner", "is for two roles that take turns", 'roles: "app_a app_b"')
        for key, one in (("roles" if turns else "role", one) for one in (*turns, role)):
            if len(one.encode()) > argv.LONGEST_NAME:
                raise target.wrong(key, f"{one!r} is longer than the {argv.LONGEST_NAME} bytes of a name")
        return cls(
            service=target.need("service", "the service that runs PostgreSQL: service: db"),
            role=role,
            turns=turns,
            database=target.get("database"),
            administrator=target.get("administrator"),
            port=target.port(_PORT),
            length=target.length(),
        )


@dataclass(frozen=True, slots=True)
class Postgresql:
    """The driver of a role's password. Where `target.turns`, each value belongs to one of two logins, which change by
    turns: both work until `finish`, and what they make belongs to the owner.
    """

    means: Means
    target: PostgresqlTarget

    @property
    def system(self) -> str:
        who = " and ".join(self.target.turns)
        roles = f"roles {who}" if who else f"role {self.target.role}"
        return f"{roles} on {self.target.service} ({self.means.host.name})"

    @property
    def steps(self) -> tuple[str, str, str]:
        if self.target.turns:
            return "let the other login in", "log in as a consumer would", "shut the old login out (NOLOGIN)"
        return "change the password (open sessions go on)", "log in as a consumer would", ""

    @property
    def overlaps(self) -> bool:
        return bool(self.target.turns)

    def check(self) -> None:
        """Also that each value in hand could be set: the one in force may have to be put back."""
        for one in self.means.known():
            verifier(one.value, bytes(_SALT))
            pgpass(one.value)
        self._ready()

    def create(self, secret: Secret, version: str) -> Candidate:
        value = letters_and_digits(self.target.length, self.means.chance)
        return Candidate(version, value, self._next(secret))

    def set(self, value: Candidate) -> None:
        hashed = verifier(value.value, self.means.chance(_SALT))
        role = self._role(value)
        container = self._ready()
        if role == self.target.role:
            self._administer(container, argv.password_sql(role, hashed))
        else:
            self._administer(container, argv.let_in_sql(role, self.target.role, hashed))

    def test(self, value: Candidate) -> bool:
        site, role = self.means.host, self._role(value)
        container = box(site, self.target.service)
        login = argv.log_in(
            site.directory,
            site.run_id,
            image=container.image,
            network=container.network,
            host=self.target.service,
            port=self.target.port,
            role=role,
            password=value.value,
            database=self.target.database or self._database(container),
        )
        return told(site, login, argv.accepted, lambda said: self._unanswered(role, container, said, value))

    def finish(self, keep: Candidate, drop: Candidate | None) -> None:
        """The owner is shut out too once it was the login before: that is how one role becomes two."""
        kept = self._role(keep)
        gone = {*self.target.turns} | ({self._role(drop)} if drop and self.target.turns else set())
        gone -= {kept}
        if gone:
            container = box(self.means.host, self.target.service)
            self._administer(container, argv.shut_out_sql(sorted(gone)))

    def _role(self, value: Candidate) -> str:
        return value.login if self.target.turns and value.login else self.target.role

    def _next(self, secret: Secret) -> str:
        """The login whose turn it is. Raises UsageError where the present one is none of those that take turns."""
        if not self.target.turns:
            return ""
        now = secret.versions[secret.current].login if secret.current else ""
        if now and now not in self.target.turns:
            raise UsageError(
                f"its current value belongs to {now}, which is not one of {' and '.join(self.target.turns)}",
                where=f"secret {self.means.name}",
                hint="name that login in target.roles, or set the value with the login that it belongs to",
            )
        first, second = self.target.turns
        return second if now == first else first

    def _ready(self) -> Box:
        """The container. Raises Refused where the role, or the owner of two, is not as it must be."""
        role, turns, service = self.target.role, self.target.turns, self.target.service
        container = box(self.means.host, service)
        facts = self._facts(container, {role, *turns})
        where = self.means.host.name
        if role not in facts.roles:
            raise Refused(
                f"{service} has no role {role}",
                where=where,
                hint=f"make it, with what it may do: create role {role} {'no' if turns else ''}login;",
            )
        if not turns and not facts.roles[role].login:
            raise Refused(
                f"role {role} of {service} may not log in",
                where=where,
                hint=f"alter role {role} login;",
            )
        powerful = [one for one in (role, *turns) if one in facts.roles and facts.roles[one].superuser]
        if turns and powerful:
            raise Refused(
                f"{powerful[0]} is a superuser of {service}, and cannot be part of two logins that take turns",
                where=where,
                hint="whoever takes turns is shut out in the end, opsctl itself among them; make an owner that is none,"
                " give it the tables (reassign owned by), and name it in target.owner",
            )
        return container

    def _database(self, container: Box) -> str:
        """The one called like the role, as libpq has it, else the one that is everybody's."""
        name = self.target.role
        return name if name in self._facts(container, {name}).databases else _FALLBACK

    def _facts(self, container: Box, roles: Collection[str]) -> argv.Facts:
        completed = self._administer(container, argv.facts_sql(roles, {self.target.role}))
        try:
            return argv.facts(completed.stdout)
        except ValueError:
            where = self.means.host.name
            raise CouldNotFindOut(
                f"psql on {self.target.service} did not say which roles there are", where=where
            ) from None

    def _administer(self, container: Box, sql: str) -> Completed:
        site = self.means.host
        completed = site.attempt(
            argv.administer(
                site.directory, site.run_id, container.id, sql, administrator=self.target.administrator
            )
        )
        if not completed.ok:
            message = f"psql on {self.target.service} failed (exit {completed.code})"
            raise failed(site, completed, message, hint=_way_in(completed))
        return completed

    def _unanswered(self, role: str, container: Box, said: Completed, value: Candidate) -> CouldNotFindOut:
        return CouldNotFindOut(
            f"cannot tell whether {self.target.service} lets {role} in over {container.network}",
            where=self.means.host.name,
            evidence=evidence(self.means.host, said, [value.value]),
            hint=_why_unanswered(said),
        )


def _way_in(completed: Completed) -> str:
    if b"authentication failed" in completed.stderr or b"no password supplied" in completed.stderr:
        return (
            "opsctl administers by the local socket inside the container, as the official image allows it:"
            ' pg_hba.conf needs "local all all trust" before other local lines'
        )
    if b"does not exist" in completed.stderr:
        return "opsctl logs in as POSTGRES_USER of the container, else as postgres; target.administrator names another"
    return ""


def _why_unanswered(said: Completed) -> str:
    if b"no pg_hba.conf entry" in said.stderr or b"pg_hba.conf rejects" in said.stderr:
        return (
            "pg_hba.conf lets nobody in that way, consumers neither; target.database names another database"
        )
    if b"database " in said.stderr and b" does not exist" in said.stderr:
        return "name the database in target.database"
    return (
        "the server's answer was none of those that opsctl knows; it reads English messages (lc_messages = C)"
    )


def postgresql(means: Means) -> Postgresql:
    return Postgresql(means, PostgresqlTarget.read(means.name, means.target))
