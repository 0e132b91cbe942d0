"""Rules about web and worker of one Sure: they are one program in two containers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.mounts import keeper
from opsctl.apps.sure.instance import Instance, Process, instances, processes
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

STORAGE = "/rails/storage"
"""Where uploads are (config/storage.yml, service local)."""
# A matter of each process: where it listens, how much it does at once, what it logs.
_OWN = frozenset(
    {
        *("BINDING", "PORT", "PIDFILE", "WEB_CONCURRENCY", "RAILS_MAX_THREADS", "RAILS_LOG_LEVEL"),
        *(
            "DISABLE_JEMALLOC",
            "MALLOC_CONF",
            "MALLOC_ARENA_MAX",
            "SIDEKIQ_WEB_USERNAME",
            "SIDEKIQ_WEB_PASSWORD",
        ),
    }
)
_HTTP = re.compile(r"\b(?:curl|wget)\b|https?://|/dev/tcp/")


def _differing(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        first = (*instance.of("web"), *instance.of("worker"))[:1]
        for one in (one for one in instance.processes if one.role == "worker" and one not in first):
            yield from _differences(first[0], one)


def _differences(web: Process, worker: Process) -> Iterator[Hit]:
    """Names alone; a value may be a secret."""
    mine, others = worker.view.service.env, web.view.service.env
    own = _OWN | {*web.settings.own_env, *worker.settings.own_env}
    names = sorted(
        name for name in mine.keys() | others.keys() if mine.get(name) != others.get(name) and name not in own
    )
    if names:
        said = ", ".join(f"{name} {_how(name in mine, name in others)}" for name in names)
        message = f"its environment is not that of {web.view.name}: {said}"
        hint = "an anchor (env: &sure …, env: *sure) keeps them alike; own_env of the settings names what may differ"
        here = next((name for name in names if name in worker.view.written.env), "")
        yield worker.hit(message, hint, "env", *([here] if here else []))


def _how(here: bool, there: bool) -> str:
    if here and there:
        return "differs"
    return "is only here" if here else "is missing"


def _apart(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        sources: dict[str, Process] = {}
        for one in instance.processes:
            if one.role == "other" or one.env("ACTIVE_STORAGE_SERVICE") not in {"", "local"}:
                continue
            mount = keeper(one.view, STORAGE)
            if mount is None or not mount.kept:
                message = f"no volume at {STORAGE}: uploads go with the container"
                yield one.hit(message, f"volumes: [sure:{STORAGE}], at web and worker", "volumes")
                continue
            sources.setdefault(mount.source, one)
            if len(sources) > 1 and sources[mount.source] is one:
                other = next(iter(sources.values())).view.name
                message = f"{STORAGE} is another volume than that of {other}: what one stores the other does not find"
                yield one.hit(message, "the same volume at both", "volumes")


def _alone(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        for role, other in (("web", "worker"), ("worker", "web")):
            if _has(instance, role) and not _has(instance, other):
                one = next(one for one in instance.processes if one.role == role)
                command = "command: bundle exec sidekiq" if other == "worker" else "no command"
                yield one.hit(
                    f"there is no {other} beside it", f"a service with the same image and env, and {command}"
                )


def _has(instance: Instance, role: str) -> bool:
    return any(one.role == role for one in instance.processes)


def _asked(subject: Subject) -> Iterator[Hit]:
    for one in processes(subject):
        if one.role == "worker" and _HTTP.search(one.view.probe):
            hint = "test: [CMD, pgrep, -f, '^sidekiq ']"
            yield one.hit("a worker answers no HTTP: its probe fails for ever", hint, "healthcheck")


_EXAMPLE = "we-promise/sure v0.7.3, compose.example.yml: x-rails-env and app-storage for both"
RULES = (
    Rule(
        "SUR001",
        "apps",
        "error",
        "Sure: a worker with another environment than its web",
        "They share the database, the queue and what is encrypted in it. With another SECRET_KEY_BASE the worker cannot read the "
        "credentials that the web stored, with another REDIS_URL it waits at an empty queue.",
        "One env for both, by a YAML anchor.",
        _EXAMPLE,
        _differing,
    ),
    Rule(
        "SUR002",
        "apps",
        "error",
        "Sure: uploads that go with the container, or that only one of them finds",
        "The web stores an upload, the worker reads it. Both look into /rails/storage.",
        "The same named volume at /rails/storage of both; it belongs to uid 1000.",
        _EXAMPLE,
        _apart,
    ),
    Rule(
        "SUR010",
        "apps",
        "error",
        "Sure: a worker that is asked over HTTP",
        "Sidekiq listens on no port.",
        "A check of the process: [CMD, pgrep, -f, '^sidekiq ']; procps is in the image since 0.6.5.",
        "we-promise/sure v0.7.3, Dockerfile, compose.example.yml",
        _asked,
    ),
    Rule(
        "SUR011",
        "apps",
        "warning",
        "Sure: a web without a worker, or the other way round",
        "Without a worker nothing is synchronised, imported or mailed: jobs pile up in Redis. Without a web nobody migrates the "
        "database.",
        "Both services, or the same `instance` in their settings.",
        "we-promise/sure v0.7.3, bin/docker-entrypoint, config/sidekiq.yml",
        _alone,
    ),
)
