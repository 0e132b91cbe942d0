"""Rules about the roles of a PostgreSQL server: one for each service, and the superuser for nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.apps.postgresql.server import Server, servers
from opsctl.model.references import parse_reference
from opsctl.model.stack import SecretRef
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import ServiceView, Subject

_SUPERUSER = "POSTGRES_PASSWORD"


def _shared_role(subject: Subject) -> Iterator[Hit]:
    """Several services of one software, as a server and its workers, are one user."""
    for server in servers(subject):
        users: dict[str, dict[str, set[str]]] = {}
        for name, database in server.view.written.databases.items():
            for view in _users(subject, server, {name}, database.password.secret):
                found = users.setdefault(database.role or name, {})
                found.setdefault(_software(view), set()).add(view.name)
        for role, by_software in users.items():
            if len(by_software) > 1:
                names = sorted(name for some in by_software.values() for name in some)
                of = next(
                    name for name, one in server.view.written.databases.items() if role == (one.role or name)
                )
                text = f"{', '.join(names)} share the role {role}"
                yield server.hit(text, "a role and a password for each", "databases", of)


def _users(subject: Subject, server: Server, databases: set[str], secret: str) -> Iterator[ServiceView]:
    for view in subject.services():
        connection = view.written.connections.get(server.view.name)
        connects = connection is not None and connection.database in databases
        if view.service is not server.view.service and (connects or secret in view.service.secrets):
            yield view


def _software(view: ServiceView) -> str:
    image = view.service.asked_image or view.service.image
    try:
        return str(parse_reference(image).path)
    except Unfit:
        return image


def _superuser_lent(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        written = server.view.written.env.get(_SUPERUSER)
        if not isinstance(written, SecretRef):
            continue
        for view in subject.services():
            if view.service is not server.view.service and written.secret in view.service.secrets:
                text = f"has the password of {server.view.name}'s superuser"
                hint = f"a role of its own: databases: {{{view.name}: {{password: {{secret: …}}}}}} at {server.view.name}"
                place = view.place(*_where(view.written.env, written.secret))
                yield about(view, place, text, hint)


def _where(env: Mapping[str, SecretRef | str], secret: str) -> tuple[str, ...]:
    """The variable that holds the secret; the service itself where none names it."""
    for key, value in env.items():
        if value == SecretRef(secret=secret) or (isinstance(value, str) and f"'{secret}'" in value):
            return ("env", key)
    return ()


def _kept_twice(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        for name, database in server.view.written.databases.items():
            secret = database.password.secret
            if secret in server.view.service.secrets:
                text = f"its own environment or files hold {secret}, the password of a role"
                hint = "opsctl sets it by SQL; take it out of env and files"
                where = _where(server.view.written.env, secret) or ("databases", name)
                yield server.hit(text, hint, *where)


def _member_of_all(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        for name, database in server.view.written.databases.items():
            if server.superuser in database.member_of:
                text = f"{database.role or name} may become the superuser {server.superuser}"
                hint = f"reassign owned by {server.superuser} to a role that is none, and name that"
                yield server.hit(text, hint, "databases", name, "member_of")


RULES = (
    Rule(
        "DBS003",
        "databases",
        "warning",
        "PostgreSQL: one role for several services",
        "A new password concerns all of them at once, and each can read what the others keep.",
        "A database with a role and a password of its own for each service.",
        "audit: one postgresql_password for n8n and litellm; facts: services 0 (26)",
        _shared_role,
    ),
    Rule(
        "DBS006",
        "databases",
        "warning",
        "PostgreSQL: the superuser's password in an application",
        "Who has it reads and drops every database, and runs programs on the server (COPY … TO PROGRAM).",
        "A role of its own; for a metrics exporter a role that is a member of pg_monitor.",
        "PostgreSQL 18, role-attributes, predefined-roles",
        _superuser_lent,
    ),
    Rule(
        "DBS011",
        "databases",
        "warning",
        "PostgreSQL: a role's password in the server's own environment",
        "The image reads its environment only while the data directory is empty. A new password would make the server anew for "
        "nothing, and every service would lose its connections.",
        "Take it out: opsctl sets the passwords of `databases` by SQL.",
        "docker-library/postgres, docker-entrypoint.sh (18)",
        _kept_twice,
    ),
    Rule(
        "DBS012",
        "databases",
        "warning",
        "PostgreSQL: a role that may become the superuser",
        "A member of a role may SET ROLE to it. A shared role that was the superuser is a superuser for every member.",
        "Give what it owns to a role that is none (reassign owned by), and name that in member_of.",
        "PostgreSQL 18, SET ROLE",
        _member_of_all,
    ),
)
