"""Rules about the keys of Qdrant's configuration, of which it ignores those that it does not know."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.qdrant.key_list import KEYS, NEWEST, OLDEST, SECTIONS, is_open, known_keys
from opsctl.apps.qdrant.node import Node, Said, nodes
from opsctl.model.nearest import nearest
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

# Keys that never were, as they are looked for; the audit names the first.
_MEANT = {
    "vector_size_limit": "storage.collection.strict_mode.max_collection_vector_size_bytes",
    "memory_limit": "storage.quotas.max_resident_memory_percent",
}
# src/settings.rs takes what begins with QDRANT__; these are read elsewhere (tools/entrypoint.sh, common/src/cpu.rs and mmap/ops.rs,
# v1.19.0).
_SINGLE = frozenset(
    {"QDRANT_ALLOW_RECOVERY_MODE", "QDRANT_INIT_FILE_PATH", "QDRANT_NUM_CPUS", "QDRANT_NO_MULTI_MMAP"}
)
_READ = "qdrant/qdrant v1.12.6 to v1.19.0, src/settings.rs and what it is made of"


def _unknown(subject: Subject) -> Iterator[Hit]:
    for node in nodes(subject):
        if node.unread:
            message = f"its configuration {node.unread} is no file that opsctl mounts, as YAML or JSON: nothing of it was looked at"
            yield node.hit(message, "mount it with files", None, "command", unknown=True)
        for config in node.configs:
            for problem in config.document.problems:
                place = config.place_of_line(problem.line)
                yield about(node.view, place, f"{config.file.target}: {problem.message}", problem.hint)
        yield from _unknown_keys(node)


def _unknown_keys(node: Node) -> Iterator[Hit]:
    minor = _minor(node)
    known, allowed = known_keys(minor), node.settings.allowed_keys
    for path, said in node.said.items():
        is_known = path in known or (path in SECTIONS and said.value in ({}, None)) or is_open(path)
        if is_known or path in allowed:
            continue
        name = said.variable or path
        if path in KEYS:
            first, end = KEYS[path]
            when = f"since 1.{first}" if minor < first else f"until 1.{end - 1}"
            message = f"{name}: Qdrant 1.{minor} does not know it; it is there {when}"
            yield node.hit(message, "leave it out, or take a version that has it", said)
        else:
            yield node.hit(f"{name}: Qdrant knows no such key", _hint(path, known, said), said)


def _minor(node: Node) -> int:
    version = node.version
    return version[1] if version and version[0] == 1 else NEWEST[1]


def _hint(path: str, known: frozenset[str], said: Said) -> str:
    name = path.rpartition(".")[2]
    homes = sorted(one for one in known if one.rpartition(".")[2] == name)
    right = _MEANT.get(name, "") or (homes[0] if len(homes) == 1 else "")
    if right:
        return f"did you mean {_spelled(right, said)!r}?"
    if said.variable:
        return nearest(said.variable, {_spelled(one, said) for one in known})
    return nearest(path, known)


def _spelled(path: str, said: Said) -> str:
    """As a file or as a variable spells it."""
    return f"QDRANT__{path.replace('.', '__').upper()}" if said.variable else path


def _single(subject: Subject) -> Iterator[Hit]:
    for node in nodes(subject):
        for key in node.view.service.env:
            upper = key.upper()
            if upper.startswith("QDRANT_") and not upper.startswith("QDRANT__") and upper not in _SINGLE:
                message = f"{key} has no effect: Qdrant reads variables that begin with QDRANT__"
                path = upper.removeprefix("QDRANT_").lower().replace("__", ".")
                hint = _hint(path, known_keys(_minor(node)), Said(None, node.view.place(), key))
                yield node.hit(message, hint, None, "env", key)


def _version(subject: Subject) -> Iterator[Hit]:
    for node in nodes(subject):
        version = node.version
        if version is None or not OLDEST <= version <= NEWEST:
            said = f"{version[0]}.{version[1]}" if version else "a tag that tells no version"
            near = OLDEST if version and version < OLDEST else NEWEST
            message = f"{said}: its keys are held against those of {near[0]}.{near[1]}"
            hint = "a key that is right and not known: settings: {allowed_keys: [storage.NAME]}"
            yield node.hit(message, hint, None, "image")


RULES = (
    Rule(
        "QDR001",
        "apps",
        "error",
        "Qdrant: a key that it does not know, or a configuration that cannot be read",
        "Qdrant takes unknown keys of a file and unknown QDRANT__ variables without a word: what they should do does not happen. "
        "Keys are held against the lists of the image's minor version.",
        "Write the key as this version has it; one that is right and not listed goes into `allowed_keys` of the settings.",
        _READ,
        _unknown,
    ),
    Rule(
        "QDR002",
        "apps",
        "error",
        "Qdrant: a variable with one underscore",
        "The prefix is QDRANT__, with two underscores, as between all parts. QDRANT_API_KEY protects nothing.",
        "QDRANT__SERVICE__API_KEY, with two underscores wherever a file has a level.",
        'qdrant v1.19.0, src/settings.rs: Environment::with_prefix("QDRANT").separator("__")',
        _single,
    ),
    Rule(
        "QDR010",
        "apps",
        "note",
        "Qdrant: a version whose keys opsctl does not know",
        "The keys are held against the nearest list; what came later is taken for a mistake.",
        "Pin a version by its tag; name a key that is right in `allowed_keys` of the settings.",
        _READ,
        _version,
    ),
)
