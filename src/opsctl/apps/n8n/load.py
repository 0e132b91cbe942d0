"""Rules about how much an n8n takes on: executions at once, and the connections that they share."""

from __future__ import annotations

import math
from collections.abc import Iterator

from opsctl.apps.n8n.instance import LIMIT, POOL, Instance, instances
from opsctl.apps.n8n.settings import UNLIMITED
from opsctl.model.databases import Connection
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_SHARE = 4
"""Executions that one connection is enough for: most of their time they wait for others, not for the database (opsctl's judgement)."""
_FOR_ANY_NUMBER = 5
_LIMITS = (LIMIT, "N8N_CONCURRENCY_EVALUATION_LIMIT")


def _nothing_runs(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        for name in _LIMITS:
            if instance.number(name) == 0 and instance.serves:
                text = f"{name} is 0, and n8n does not start with it"
                yield instance.hit(text, "1 or more, or -1 for any number", *instance.at(name))
        if instance.role == "worker" and instance.flag == 0:
            yield instance.hit("--concurrency=0: it takes no execution", "1 or more", "command")


def least_pool(concurrency: int) -> int:
    """Connections for so many executions at once."""
    return _FOR_ANY_NUMBER if concurrency == UNLIMITED else math.ceil(concurrency / _SHARE)


def _starved(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        concurrency = instance.concurrency
        if concurrency is None or not instance.on_postgresql or instance.is_hidden(POOL):
            continue
        if instance.pool < least_pool(concurrency):
            many = "any number of executions" if concurrency == UNLIMITED else f"{concurrency} executions"
            text = f"{many} at once share {instance.pool} connections" + _by_default(instance)
            hint = f"{POOL}: {least_pool(concurrency)} or more, or a lower {LIMIT}"
            yield instance.hit(text, hint, *(instance.at(POOL, LIMIT) or ("env",)))


def _by_default(instance: Instance) -> str:
    return "" if instance.given(POOL) else f", the default of {POOL}"


def _uncounted(subject: Subject) -> Iterator[Hit]:
    keepers = {view.name for view in subject.services() if view.written.app == "postgresql"}
    for instance in instances(subject):
        if not instance.on_postgresql or instance.is_hidden(POOL):
            continue
        name, connection = _connection(instance)
        if connection is None:
            if name in keepers:
                text = f"may hold {instance.pool} connections to {name}, and nobody counts them"
                said = f"{{database: {instance.value('DB_POSTGRESDB_DATABASE')}, pool: {instance.pool}}}"
                yield instance.hit(text, f"connections: {{{name}: {said}}}")
        elif connection.pool < instance.pool:
            text = (
                f"may hold {instance.pool} connections{_by_default(instance)}, and states {connection.pool}"
            )
            hint = f"the same number at both: pool: {instance.pool}, or a lower {POOL}"
            yield instance.hit(text, hint, "connections", name, "pool")


def _connection(instance: Instance) -> tuple[str, Connection | None]:
    """What it states of the server that it connects to, and that server's name: by DB_POSTGRESDB_HOST, else the only one."""
    host, stated = instance.value("DB_POSTGRESDB_HOST"), instance.view.written.connections
    if host not in stated and len(stated) == 1:
        host = next(iter(stated))
    return host, stated.get(host)


def _unused(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        settings = instance.settings
        if settings.pool is not None and settings.pool != instance.pool and not instance.is_hidden(POOL):
            text = f"settings.pool is {settings.pool}, and n8n takes {instance.pool}{_by_default(instance)}"
            hint = f'{POOL}: "{{{{ service.settings.pool }}}}"'
            yield instance.hit(text, hint, "settings", "pool")
        wanted, taken = settings.concurrency, instance.concurrency
        if wanted is not None and wanted != taken and not instance.is_hidden(LIMIT):
            told = {None: "does not use it", UNLIMITED: "takes any number"}.get(taken, f"takes {taken}")
            text = f"settings.concurrency is {wanted}, and n8n {told}"
            hint = f'{LIMIT}: "{{{{ service.settings.concurrency }}}}"; a main in queue mode has none'
            yield instance.hit(text, hint, "settings", "concurrency")


RULES = (
    Rule(
        "N8N003",
        "apps",
        "error",
        "n8n: a limit of 0 executions",
        "n8n ends at its start: `Concurrency limit set to invalid value`, again and again.",
        "A number of executions; -1, the default, is any number.",
        "n8n 2.41.1 dist/concurrency/concurrency-control.service.js; run; services 3",
        _nothing_runs,
    ),
    Rule(
        "N8N004",
        "apps",
        "warning",
        "n8n: a pool that starves its executions",
        "Every process has one pool of connections, 2 by default, whatever it carries out at once. Who waits too long for one is "
        "answered 503, or fails. PostgreSQL has room meanwhile.",
        "About one connection for four executions at once; a limit of executions where there is none.",
        "@n8n/config 2.39.0 database.config.js; run (2.41.1): 40 callers at once, half of them answered 503; the share is opsctl's "
        "judgement",
        _starved,
    ),
    Rule(
        "N8N005",
        "apps",
        "error",
        "n8n: connections that the budget of PostgreSQL does not count",
        "What nobody states, DBS001 cannot sum up: the server is then full before the sum says so.",
        "connections: {SERVICE: {database: …, pool: …}} with the pool that n8n has, at the main, each worker and each webhook processor.",
        "@n8n/db 1.41.x db-connection-options.js: poolSize; run (2.41.1): never more than the pool; services 0 (6), 3",
        _uncounted,
    ),
    Rule(
        "N8N015",
        "apps",
        "error",
        "n8n: settings that its environment does not have",
        "Settings do nothing by themselves: the stack says one number, and n8n runs with another.",
        "Use them in env: {{ service.settings.pool }}, {{ service.settings.concurrency }}.",
        "opsctl",
        _unused,
    ),
)
