"""Rules about what a Sure runs as and reaches: its image, its site, its database and its Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.sure.instance import THREADS, Process, processes
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import ServiceView, Subject

_CHANNELS = (
    (re.compile(r"latest"), "is the newest alpha"),
    (re.compile(r"nightly.*"), "is built from main every night"),
    (re.compile(r"sha-[0-9a-f]+"), "is a build of main that was never released"),
    (re.compile(r".*(?:alpha|beta|rc)[.\d-]*"), "is a pre-release"),
    (re.compile(r"stable|main"), "moves with every release, candidates too"),
)
_REDIS_URL = re.compile(r"rediss?://(?:[^@\s]*@)?(?P<host>[^:/?#\s@]+)(?::\d+)?(?:/(?P<db>\d+))?")


def _channel(subject: Subject) -> Iterator[Hit]:
    for one in processes(subject):
        try:
            tag = parse_reference(one.view.service.asked_image or one.view.service.image).known_tag
        except Unfit:
            continue
        if said := next((said for pattern, said in _CHANNELS if pattern.fullmatch(tag)), ""):
            yield one.hit(f"the tag {tag} {said}", "take a version, as 0.7.3", "image")


def _plain(subject: Subject) -> Iterator[Hit]:
    for one in processes(subject):
        if one.view.written.site is None or one.role != "web":
            continue
        off = [name for name in ("RAILS_FORCE_SSL", "RAILS_ASSUME_SSL") if not one.is_on(name, default=True)]
        if off:
            message = f"{' and '.join(off)} off, behind a site: it takes itself for a page without TLS"
            yield one.hit(message, 'leave both out, or "true"', "env", off[0])


def needed(process: Process) -> int:
    """Connections that it may open: as many as threads, in each process of the web server; a worker is one process."""
    threads = process.number("RAILS_MAX_THREADS", THREADS)
    return threads * (max(process.number("WEB_CONCURRENCY", 1), 1) if process.role == "web" else 1)


def _connections(subject: Subject) -> Iterator[Hit]:
    for one in processes(subject):
        keeper = _keeper(subject, one)
        if keeper is None or one.role == "other":
            continue
        stated, most = one.view.written.connections.get(keeper.name), needed(one)
        if stated is None:
            database = one.env("POSTGRES_DB") or "sure_production"
            hint = f"connections: {{{keeper.name}: {{database: {database}, pool: {most}}}}}"
            yield one.hit(f"may open {most} connections to {keeper.name}, and states none", hint)
        elif stated.total < most:
            message = f"states {stated.total} connections to {keeper.name}, and may open {most}"
            hint = f"pool: RAILS_MAX_THREADS, processes: WEB_CONCURRENCY; together {most}"
            yield one.hit(message, hint, "connections", keeper.name)


def _keeper(subject: Subject, process: Process) -> ServiceView | None:
    """The PostgreSQL service that its DB_HOST names, on its own host before others."""
    named = [
        view
        for view in subject.services()
        if view.name == process.env("DB_HOST") and view.written.app == "postgresql"
    ]
    return min(named, key=lambda view: view.host is not process.view.host, default=None)


def _shared(subject: Subject) -> Iterator[Hit]:
    for one in processes(subject):
        mine = set(_redises(one.view).values())
        for view in subject.services():
            other = view.written.app == "sure" and Process(view).settings.instance == one.settings.instance
            if other or view.host is not one.view.host or not mine:
                continue
            for host, database in sorted(mine & set(_redises(view).values())):
                message = f"{view.name} uses the database {database} of {host} too, which Sure empties with its cache"
                yield one.hit(message, f"a number of its own: redis://{host}:6379/1", "env", "REDIS_URL")


def _redises(view: ServiceView) -> dict[str, tuple[str, int]]:
    """Host and database by variable; of a pair such as REDIS_HOST and REDIS_DB, by the first. The default database is 0."""
    found: dict[str, tuple[str, int]] = {}
    env = view.service.env
    for name, value in env.items():
        if url := _REDIS_URL.search(value):
            found[name] = (url["host"], int(url["db"] or 0))
        elif name.endswith("REDIS_HOST") and value:
            number = env.get(name.removesuffix("HOST") + "DB", "")
            found[name] = (value, int(number) if number.isdecimal() else 0)
    return found


RULES = (
    Rule(
        "SUR006",
        "apps",
        "warning",
        "Sure: a tag that names no release",
        "latest is the newest alpha, nightly and sha- are builds of main, stable moves with whatever is no alpha. A digest holds the "
        "bits, not what they were meant for: migrations of an alpha cannot be undone.",
        "A version, and its digest in images.lock.yaml.",
        "we-promise/sure, .github/workflows/publish.yml (2026-08-22); audit: image unpinned to nightly",
        _channel,
    ),
    Rule(
        "SUR007",
        "apps",
        "warning",
        "Sure: TLS that it does not know of",
        "compose.example.yml turns both off, for a test without TLS. Behind a site cookies are then sent without Secure, and there is "
        "no Strict-Transport-Security.",
        "Leave both out: they are on by themselves.",
        "we-promise/sure v0.7.3, config/environments/production.rb",
        _plain,
    ),
    Rule(
        "SUR008",
        "apps",
        "error",
        "Sure: connections that the budget of PostgreSQL does not count",
        "Each process opens as many connections as it has threads, RAILS_MAX_THREADS or 3: the web server WEB_CONCURRENCY times that, "
        "the worker once.",
        "State connections at web and worker.",
        "we-promise/sure v0.7.3, config/database.yml, config/puma.rb, config/sidekiq.yml",
        _connections,
    ),
    Rule(
        "SUR009",
        "apps",
        "warning",
        "Sure: a Redis database that others use",
        "Sure keeps its cache and its queue there, without a prefix. Rails empties the whole database when the cache is cleared.",
        "A number of its own in REDIS_URL; the example takes 1.",
        "Rails 8.1, ActiveSupport::Cache::RedisCacheStore#clear: flushdb without a namespace; v0.7.3 config/environments/production.rb",
        _shared,
    ),
)
