"""Rules about queue mode: a main, workers and webhook processors that must agree on where things are."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.n8n.instance import KEY, Instance, instances
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_DATABASE = (
    "DB_TYPE",
    "DB_POSTGRESDB_HOST",
    "DB_POSTGRESDB_PORT",
    "DB_POSTGRESDB_DATABASE",
    "DB_POSTGRESDB_SCHEMA",
    "DB_TABLE_PREFIX",
)
_REDIS = "QUEUE_BULL_REDIS_HOST"
_MODE = "EXECUTIONS_MODE"
_QUEUE = (
    _REDIS,
    "QUEUE_BULL_REDIS_PORT",
    "QUEUE_BULL_REDIS_DB",
    "QUEUE_BULL_REDIS_CLUSTER_NODES",
    "QUEUE_BULL_PREFIX",
)


def _redisless(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        if not instance.queues or instance.value("QUEUE_BULL_REDIS_CLUSTER_NODES"):
            continue
        if instance.is_hidden(_REDIS) or instance.value(_REDIS) not in {"", "localhost", "127.0.0.1", "::1"}:
            continue
        text = "works by a queue, and looks for Redis in its own container"
        yield instance.hit(text, f"{_REDIS}: redis", *instance.at(_REDIS, _MODE))


def _apart(subject: Subject) -> Iterator[Hit]:
    for main, others in _groups(subject):
        for other in others:
            if other.role == "webhook" and not other.queues and not other.is_hidden(_MODE):
                text = "a webhook processor ends at its start without EXECUTIONS_MODE: queue"
                yield other.hit(text, "EXECUTIONS_MODE: queue", *other.at(_MODE))
            if main.is_hidden(_MODE):
                continue
            if not main.queues:
                text = f"carries out what is in the queue, and {main.view.name} puts nothing there"
                yield other.hit(text, f"EXECUTIONS_MODE: queue at {main.view.name}", "command")
                continue
            if other.given(KEY) != main.given(KEY) and not (other.is_hidden(KEY) or main.is_hidden(KEY)):
                text = f"has another {KEY} than {main.view.name}: it cannot read its credentials"
                yield other.hit(text, "the same secret at both", *(other.at(KEY) or ("env",)))
            for name in _QUEUE:
                if other.value(name) != main.value(name) and not (
                    other.is_hidden(name) or main.is_hidden(name)
                ):
                    text = f"{name} is {other.value(name)!r}, and {main.value(name)!r} at {main.view.name}"
                    yield other.hit(text, "the same at both", *(other.at(name) or ("env",)))


def _idle(subject: Subject) -> Iterator[Hit]:
    for main, others in _groups(subject):
        if main.queues and not any(one.role == "worker" for one in others):
            text = "puts executions into a queue, and no worker of this environment takes them"
            yield main.hit(
                text,
                "a service with command: [worker], or EXECUTIONS_MODE: regular",
                *main.at(_MODE),
            )


def _groups(subject: Subject) -> Iterator[tuple[Instance, list[Instance]]]:
    """Each main with the workers and webhook processors of its database."""
    mains = [one for one in instances(subject) if one.role == "main"]
    for main in mains:
        parts = [
            one
            for one in instances(subject)
            if one.role in {"worker", "webhook"} and (_database(one) == _database(main) or len(mains) == 1)
        ]
        yield main, parts


def _database(instance: Instance) -> tuple[str, ...]:
    return tuple(instance.value(name) for name in _DATABASE)


RULES = (
    Rule(
        "N8N006",
        "apps",
        "error",
        "n8n: queue mode without a Redis",
        "In queue mode every execution goes through Redis. Without its host n8n asks localhost, which in a container is n8n itself.",
        "QUEUE_BULL_REDIS_HOST (and its password), or EXECUTIONS_MODE: regular.",
        "@n8n/config 2.39.0 scaling-mode.config.js; services 3",
        _redisless,
    ),
    Rule(
        "N8N007",
        "apps",
        "error",
        "n8n: a main and its workers that do not fit",
        "Workers decrypt credentials with the main's key and take executions from the main's queue. With another key every node that "
        "logs in somewhere fails; with another queue nothing is carried out.",
        "The same encryption key, Redis and prefix at the main, its workers and its webhook processors.",
        "n8n 2.41.1 dist/commands/worker.js, webhook.js; n8n-core instance-settings.js; services 3",
        _apart,
    ),
    Rule(
        "N8N008",
        "apps",
        "warning",
        "n8n: a queue that nobody takes from",
        "In queue mode the main carries out no production execution itself: they wait until there is a worker.",
        "A worker, or EXECUTIONS_MODE: regular.",
        "n8n 2.41.1 dist/commands/start.js, dist/scaling; services 3",
        _idle,
    ),
)
