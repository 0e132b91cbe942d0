"""One process of n8n as the rules see it: what its environment comes to when n8n has read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from opsctl.apps.n8n.settings import UNLIMITED, Settings
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

NAME = "n8n"
KEY = "N8N_ENCRYPTION_KEY"
POOL = "DB_POSTGRESDB_POOL_SIZE"
LIMIT = "N8N_CONCURRENCY_PRODUCTION_LIMIT"
# @n8n/config 2.39.0: database.config.js, executions.config.js, scaling-mode.config.js, endpoints.config.js, and 1.65.9 alike;
# commands/worker.js of n8n 2.41.1 has the 10.
DEFAULTS = {
    "DB_TYPE": "sqlite",
    "DB_POSTGRESDB_HOST": "localhost",
    "DB_POSTGRESDB_PORT": "5432",
    "DB_POSTGRESDB_DATABASE": "n8n",
    "DB_POSTGRESDB_SCHEMA": "public",
    "DB_TABLE_PREFIX": "",
    "EXECUTIONS_MODE": "regular",
    "N8N_ENDPOINT_HEALTH": "/healthz",
    "QUEUE_BULL_PREFIX": "bull",
    "QUEUE_BULL_REDIS_HOST": "localhost",
    "QUEUE_BULL_REDIS_PORT": "6379",
    "QUEUE_BULL_REDIS_DB": "0",
    "QUEUE_BULL_REDIS_CLUSTER_NODES": "",
}
_NUMBERS = {POOL: 2, LIMIT: UNLIMITED, "N8N_CONCURRENCY_EVALUATION_LIMIT": UNLIMITED, "N8N_PROXY_HOPS": 0}
_OF_A_WORKER = 10
_VERSION = re.compile(r"^v?(\d+)\.(\d+)\.(\d+)")
_QUOTED = re.compile(r"^(['\"])(.*)\1$", re.DOTALL)
Role = Literal["main", "worker", "webhook", "command"]


@dataclass(frozen=True, slots=True)
class Instance:
    """`role`: main serves the editor, worker and webhook take parts of it in queue mode, command does one thing and ends."""

    view: ServiceView
    role: Role

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    @property
    def version(self) -> tuple[int, int] | None:
        """As the image's tag says it."""
        try:
            found = _VERSION.match(
                parse_reference(self.view.service.asked_image or self.view.service.image).tag
            )
        except Unfit:
            return None
        return (int(found[1]), int(found[2])) if found else None

    @property
    def serves(self) -> bool:
        return self.role != "command"

    def raw(self, name: str) -> str | None:
        """A variable's own text, else the file of its form with _FILE; None where nothing is given, or the file is none that
        opsctl mounts.
        """
        env = self.view.service.env
        if name in env:
            return env[name]
        path = env.get(f"{name}_FILE", "")
        for file in self.view.service.files:
            if path and file.target == path:
                return file.content.decode(errors="replace").strip()
        return None

    def given(self, name: str) -> str | None:
        """The same as n8n reads text."""
        raw = self.raw(name)
        return None if raw is None else normal(raw)

    def is_hidden(self, name: str) -> bool:
        """Whether it comes from a file that opsctl does not mount, so that nobody can tell it here."""
        return self.given(name) is None and bool(self.view.service.env.get(f"{name}_FILE"))

    def value(self, name: str) -> str:
        """With n8n's default."""
        given = self.given(name)
        return DEFAULTS[name] if given is None else given

    def number(self, name: str) -> int:
        """With n8n's default, which it also takes for what is no number; in quotes it is none."""
        read = number(self.raw(name) or "")
        return _NUMBERS[name] if read is None else read

    def is_on(self, name: str) -> bool:
        return (self.raw(name) or "").lower() in {"true", "1"}

    @property
    def on_postgresql(self) -> bool:
        return self.value("DB_TYPE") == "postgresdb"

    @property
    def queues(self) -> bool:
        """Whether it works by the queue: a worker does whatever EXECUTIONS_MODE says."""
        return self.role == "worker" or (self.serves and self.value("EXECUTIONS_MODE") == "queue")

    @property
    def pool(self) -> int:
        """Connections that this process may hold to PostgreSQL."""
        return self.number(POOL)

    @property
    def concurrency(self) -> int | None:
        """Executions at once, UNLIMITED for any number; None where the process carries out none, as a main in queue mode."""
        limit = self.number(LIMIT)
        if self.role == "worker":
            return limit if limit != UNLIMITED else self.flag
        return max(limit, UNLIMITED) if self.role == "main" and not self.queues else None

    @property
    def flag(self) -> int:
        """--concurrency of a worker."""
        for word, following in pairwise([*self.view.words("entrypoint", "command"), ""]):
            name, equals, text = word.partition("=")
            if name == "--concurrency":
                read = number(text if equals else following)
                return _OF_A_WORKER if read is None else read
        return _OF_A_WORKER

    def at(self, *names: str) -> tuple[str, ...]:
        """The path in the stack file of the first of these variables that it has, in either form."""
        written = self.view.written.env
        spelled = (form for name in names for form in (name, f"{name}_FILE"))
        return next((("env", one) for one in spelled if one in written), ())

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        return about(self.view, self.view.place(*path), message, hint)


def instances(subject: Subject) -> tuple[Instance, ...]:
    """Every service with `app: n8n`."""
    return subject.once(_instances)


def _instances(subject: Subject) -> Iterator[Instance]:
    for view in subject.services():
        if view.written.app == NAME:
            yield Instance(view, role_of(view))


def role_of(view: ServiceView) -> Role:
    """By its command."""
    # The image's entrypoint is `n8n "$@"`, and without a command n8n takes `start`.
    words = [word for word in view.words("entrypoint", "command") if not word.startswith("-")]
    if "worker" in words:
        return "worker"
    if "webhook" in words:
        return "webhook"
    known = {"start", "n8n", "tini"}
    others = [word for word in words if word.rpartition("/")[2] not in known and not _is_wrapper(word)]
    return "command" if others else "main"


def _is_wrapper(word: str) -> bool:
    return word.endswith((".sh", "/sh", "/bash")) or word in {"sh", "bash"} or " " in word


def normal(text: str) -> str:
    """As @n8n/config takes it: without blanks around it, and without one pair of quotes."""
    return _QUOTED.sub(r"\2", text.strip())


def number(text: str) -> int | None:
    """A whole number as JavaScript's Number reads it; None for all else, and for nothing."""
    text = text.strip()
    try:
        value = float(text) if "_" not in text else None
    except ValueError:
        return int(text, 16) if re.fullmatch(r"0[xX][0-9a-fA-F]+", text) else None
    return int(value) if value is not None and value.is_integer() else None
