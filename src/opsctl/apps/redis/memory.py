"""Rules about memory: what Redis may hold, what it takes beside that, and what happens when it is full."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.redis.conf import memory_bytes
from opsctl.apps.redis.server import Server, servers
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_MIB = 1024 * 1024
BESIDE = 16 * _MIB
"""Bytes: an empty server takes 12 MiB (run, 7.0.15)."""
SPREAD = 1.25
"""Pages of the allocator beyond what keys take, full and after many writes: up to a fifth (run, 7.0.15, jemalloc 5.3)."""
FORKED = 2.0
"""While a child writes, a page that the parent changes is there twice (redis.io, administration: up to twice the memory)."""


def most(server: Server) -> int | None:
    """Bytes that its keys may take; None without a bound, and where it cannot be read."""
    try:
        return memory_bytes(server.value("maxmemory", "0")) or None
    except Unfit:
        return None


def forks(server: Server) -> bool:
    """Whether a child writes while the server goes on: snapshots, and the rewriting of the append-only file."""
    return server.saves or server.appends


def needed(maxmemory: int, *, forked: bool) -> int:
    """Bytes that the container needs for so many bytes of keys."""
    return int(maxmemory * (FORKED if forked else SPREAD)) + BESIDE


def policy(server: Server) -> str:
    return server.value("maxmemory-policy", "noeviction").lower()


def _unbounded(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        said = server.last("maxmemory")
        if server.whole and (said is None or said.directive.value in {"0", "0b"}):
            limit = server.view.service.memory_limit
            told = f", and the kernel ends it at {limit // _MIB} MiB" if limit else ""
            hint = (
                "maxmemory in redis.conf, at most half of the memory limit (four fifths without persistence)"
            )
            yield server.hit(f"no maxmemory: it grows without an end{told}", hint, said)


def _beyond(subject: Subject) -> Iterator[Hit]:
    for server, maxmemory, limit in _bounded(subject):
        if maxmemory >= limit:
            message = f"maxmemory {_mib(maxmemory)} is not below the memory limit of {_mib(limit)}: the kernel ends it first"
            yield server.hit(message, _room(server, maxmemory), server.last("maxmemory"))


def _tight(subject: Subject) -> Iterator[Hit]:
    for server, maxmemory, limit in _bounded(subject):
        if maxmemory < limit < needed(maxmemory, forked=forks(server)):
            why = (
                "a child that saves, and the allocator"
                if forks(server)
                else "the allocator and the server itself"
            )
            message = f"maxmemory {_mib(maxmemory)} of a limit of {_mib(limit)} leaves too little for {why}"
            yield server.hit(message, _room(server, maxmemory), server.last("maxmemory"))


def _bounded(subject: Subject) -> Iterator[tuple[Server, int, int]]:
    for server in servers(subject):
        maxmemory, limit = most(server), server.view.service.memory_limit
        if maxmemory and limit:
            yield server, maxmemory, limit


def _room(server: Server, maxmemory: int) -> str:
    return (
        f"memory: {{limit: {-(-needed(maxmemory, forked=forks(server)) // _MIB)}MiB}}, or a lower maxmemory"
    )


def _mib(size: int) -> str:
    return f"{size / _MIB:.0f} MiB" if size >= _MIB else f"{size} bytes"


def _full(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        if server.whole and most(server) and policy(server) == "noeviction" and not forks(server):
            message = (
                "a cache that refuses writes when it is full: policy noeviction, and nothing is kept on disk"
            )
            hint = "maxmemory-policy allkeys-lru; a queue (Bull, BullMQ) needs noeviction, and persistence"
            yield server.hit(message, hint, server.last("maxmemory-policy") or server.last("maxmemory"))


def _forgetful(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        if most(server) and policy(server).startswith("allkeys-") and _asked_to_keep(server):
            message = f"{policy(server)} drops keys when it is full, also those that it shall keep on disk"
            hint = 'noeviction for data, volatile-lru where only keys with an end may go; save "" for a cache'
            yield server.hit(message, hint, server.last("maxmemory-policy"))


def _asked_to_keep(server: Server) -> bool:
    return server.appends or server.asked_saves is not None


_DOCS = "redis.io/docs/latest/operate/oss_and_stack/management"
RULES = (
    Rule(
        "RDS002",
        "apps",
        "warning",
        "Redis: no maxmemory",
        "Redis then takes memory until the kernel ends it, whatever the policy says; what was not saved is lost, and the others of "
        "the host have less.",
        "maxmemory below the memory limit.",
        f"{_DOCS}/admin, Memory; redis.conf 7.0",
        _unbounded,
    ),
    Rule(
        "RDS003",
        "apps",
        "error",
        "Redis: maxmemory not below the memory limit",
        "The kernel counts the whole process, and ends it before Redis counts itself full: no policy ever comes into force.",
        "A higher limit, or a lower maxmemory.",
        f"{_DOCS}/admin, Memory",
        _beyond,
    ),
    Rule(
        "RDS004",
        "apps",
        "warning",
        "Redis: too little room beside maxmemory",
        "maxmemory counts keys. The allocator takes up to a fifth more (measured), and while a snapshot or a rewrite of the "
        "append-only file is written, each page that changes is there twice: in the worst case all of them.",
        "A limit of 1.25 times maxmemory and 16 MiB without persistence, of twice maxmemory and 16 MiB with it.",
        f"{_DOCS}/admin, Memory: up to 2 times the memory normally used; run (7.0.15)",
        _tight,
    ),
    Rule(
        "RDS005",
        "apps",
        "note",
        "Redis: a cache that refuses writes",
        "With noeviction, the default, a full Redis answers every write with OOM. For a queue that is right; a cache should forget.",
        "maxmemory-policy allkeys-lru.",
        "redis.io/docs/latest/develop/reference/eviction; run (7.0.15)",
        _full,
    ),
    Rule(
        "RDS006",
        "apps",
        "note",
        "Redis: data that may be dropped",
        "allkeys-… drops any key when memory is full, and the file on disk loses it with the next save.",
        "noeviction where the keys are data, volatile-… where those without an end are.",
        "redis.io/docs/latest/develop/reference/eviction",
        _forgetful,
    ),
)
