"""Rules about what a Qdrant may hold: its limits, and the memory that its collections need."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.qdrant.node import Node, nodes
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

STRICT = "storage.collection.strict_mode"
QUOTAS = "storage.quotas"
_MAX_COLLECTIONS = "storage.max_collections"
_QUOTAS_SINCE = 19
_MIB = 1024**2


def _disabled(subject: Subject) -> Iterator[Hit]:
    for node in nodes(subject):
        for section in (STRICT, QUOTAS):
            limits = {
                path: said for path, said in node.below(section).items() if path != f"{section}.enabled"
            }
            if limits and not node.is_on(f"{section}.enabled"):
                names = ", ".join(path.rpartition(".")[2] for path in limits)
                message = f"{section}: without enabled: true nothing is limited by {names}"
                yield node.hit(message, "write enabled: true beside them", next(iter(limits.values())))


def _too_low(subject: Subject) -> Iterator[Hit]:
    for node in nodes(subject):
        stated = node.settings.collections
        most = node.number(_MAX_COLLECTIONS)
        if most is not None and len(stated) > most:
            message = f"max_collections is {most}, and the settings state {len(stated)}"
            yield node.hit(message, "raise it", node.said[_MAX_COLLECTIONS])
        if not node.is_on(f"{STRICT}.enabled"):
            continue
        for name, one in stated.items():
            for key, needed in (
                ("max_points_count", one.points),
                ("max_collection_vector_size_bytes", one.raw),
            ):
                limit = node.number(f"{STRICT}.{key}")
                if limit is not None and limit < needed:
                    message = f"{key} is {limit}, and the collection {name} shall have {needed}"
                    yield node.hit(
                        message, "raise it, or state a smaller collection", node.said[f"{STRICT}.{key}"]
                    )


def _memory(subject: Subject) -> Iterator[Hit]:
    for node in nodes(subject):
        limit, needed = node.view.service.memory_limit, node.settings.memory
        if limit is not None and needed > limit:
            largest = max(node.settings.collections.items(), key=lambda pair: pair[1].memory)[0]
            message = f"its collections need {_mib(needed)} of memory, and its limit is {_mib(limit)}; {largest} needs most"
            hint = "raise the limit, or keep vectors on disk (on_disk: true in the collection and in the settings)"
            yield node.hit(message, hint, None, "settings", "collections", largest)


def _silent(subject: Subject) -> Iterator[Hit]:
    for node in nodes(subject):
        if not node.settings.collections:
            hint = "settings: {collections: {NAME: {points: 100000, dimension: 1536}}}"
            yield node.hit("nobody says how large its collections become", hint)


def _seeded(subject: Subject) -> Iterator[Hit]:
    for node in nodes(subject):
        said = node.below(QUOTAS)
        if said and _minor(node) >= _QUOTAS_SINCE:
            message = "storage.quotas is read at the first start only; a change of it does nothing to a node that has quota.json"
            yield node.hit(message, "GET and PUT /quotas on the running node", next(iter(said.values())))


def _minor(node: Node) -> int:
    return node.version[1] if node.version else _QUOTAS_SINCE


def _mib(size: int) -> str:
    return f"{-(-size // _MIB)} MiB"


RULES = (
    Rule(
        "QDR003",
        "apps",
        "error",
        "Qdrant: limits that are not enabled",
        "Strict mode and quotas limit nothing until `enabled: true` stands beside the limits, and the default is false.",
        "enabled: true. For collections that exist already: PATCH /collections/NAME with strict_mode_config.",
        "qdrant v1.19.0, config/config.yaml; lib/shard/src/quota/config.rs, limits()",
        _disabled,
    ),
    Rule(
        "QDR006",
        "apps",
        "error",
        "Qdrant: collections that do not fit into its memory",
        "Vectors in memory take points times dimension times 4 bytes, and half of that again for indexes and for segments that are "
        "rebuilt. Above the limit the kernel ends the process, and at its next start it loads the same collections again.",
        "A higher limit, vectors on disk, or scalar quantization with vectors on disk.",
        "qdrant.tech/documentation/capacity-planning; facts: services 5; audit: no explicit memory tuning",
        _memory,
    ),
    Rule(
        "QDR007",
        "apps",
        "error",
        "Qdrant: a limit below what the settings state",
        "Writes are refused with HTTP 400 before the collection is as large as it shall become.",
        "Raise the limit, or state what the collection shall really have.",
        "qdrant v1.19.0, lib/collection/src/operations/verification; facts: services 5",
        _too_low,
    ),
    Rule(
        "QDR008",
        "apps",
        "note",
        "Qdrant: quotas that are read once",
        "The section makes quota.json in the storage folder at the first start. Afterwards that file counts, and a changed section "
        "does nothing.",
        "Change a running node by PUT /quotas, and the section as well, for the next one.",
        "qdrant v1.19.0, config/config.yaml; lib/shard/src/quota/manager/store.rs, load_or_init",
        _seeded,
    ),
    Rule(
        "QDR009",
        "apps",
        "note",
        "Qdrant: collections that nobody states",
        "Nothing can be said about its memory before it is full.",
        "State collections with points and dimension in the settings.",
        "audit: no explicit memory tuning",
        _silent,
    ),
)
