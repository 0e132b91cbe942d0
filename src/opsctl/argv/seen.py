"""What the look's scripts printed, as values."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast, get_args

from opsctl.state.observed import InnerFile, MergedState, ObservedFile, ObservedMerged, Resources

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Seen:
    """The files' half of a look; `key` is the fingerprint key's text as it lies there."""

    now: float = 0.0
    resources: Resources = field(default_factory=Resources)
    key: str | None = field(default=None, repr=False)
    compose: bytes | None = None
    files: Mapping[str, ObservedFile] = field(default_factory=dict)
    owed: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """When each marker was left, by service and reaction."""
    held: frozenset[str] = frozenset()
    rotating: Mapping[str, str] = field(default_factory=dict)
    """By secret, what its marker says: one line of JSON."""
    merged: Mapping[str, ObservedMerged] = field(default_factory=dict)
    merge_records: Mapping[str, str] = field(default_factory=dict)
    ensured: Mapping[str, str] = field(default_factory=dict)
    """By service, what its marker says: one line of JSON."""


def read_look(output: bytes) -> Seen:
    """Read what `look` printed. Raises ValueError where it is not whole; lines it does not know it passes over."""
    lines = [line.split(" ", 1) for line in output.decode(errors="replace").rstrip("\n").split("\n")]
    if lines[-1] != ["end"]:
        raise ValueError("the look was cut short")
    fields: dict[str, list[str]] = {}
    for word, *rest in lines:
        fields.setdefault(word, []).append(rest[0] if rest else "")
    key, compose = fields.get("key"), fields.get("compose")
    return Seen(
        now=float(fields["now"][0]),
        resources=_resources(fields),
        key=_decoded(key[0]).decode(errors="replace").strip() if key else None,
        compose=_decoded(compose[0]) if compose else None,
        files=_files(fields),
        owed=_owed(fields.get("owed", [])),
        held=frozenset(fields.get("held", [])),
        rotating=dict(_pairs(fields.get("rotating", []))),
        merged={one.path: one for one in map(_merged, _triples(fields.get("merged", [])))},
        merge_records={
            name: _decoded(text).decode(errors="replace") for name, text in _pairs(fields.get("record", []))
        },
        ensured=dict(_pairs(fields.get("ensured", []))),
    )


def read_inner(output: bytes) -> tuple[InnerFile, ...]:
    """Read what `inner_files` printed."""
    found = []
    for line in output.decode(errors="replace").split("\n")[:-1]:
        service, target, digest = (*line.split("\t"), "", "")[:3]
        found.append(InnerFile(service, target, digest if _DIGEST.fullmatch(digest) else None))
    return tuple(found)


def _resources(fields: Mapping[str, list[str]]) -> Resources:
    memory = dict(_pairs(fields.get("memory", [])))
    disk = [entry.split(" ") for entry in fields.get("disk", [])][:1]
    total, available = (int(number) * 1024 for number in disk[0]) if disk else (0, 0)
    return Resources(
        memory_total=int(memory.get("MemTotal", 0)) * 1024,
        memory_available=int(memory.get("MemAvailable", 0)) * 1024,
        disk_total=total,
        disk_available=available,
    )


def _merged(entry: tuple[str, str, str]) -> ObservedMerged:
    state, detail, path = entry
    if state not in get_args(MergedState):
        raise ValueError("the look was garbled")
    data = _decoded(detail.removeprefix(".")) if detail != "-" else b""
    real = data.decode(errors="replace") if state == "link" else ""
    return ObservedMerged(path, cast("MergedState", state), b"" if real else data, real)


def _owed(entries: list[str]) -> dict[tuple[str, str], float]:
    return {
        (service, kind): float(left)
        for left, marker in _pairs(entries)
        for service, kind in _pairs([marker], "/")
    }


def _files(fields: Mapping[str, list[str]]) -> dict[str, ObservedFile]:
    modes = {path: int(mode, 8) for mode, _, path in _triples(fields.get("stat", []))}
    contents = {path: _decoded(text) for text, path in _pairs(fields.get("content", []))}
    return {
        path: ObservedFile(path, digest, modes[path], contents.get(path))
        for digest, path in _pairs(fields.get("sum", []))
        if path in modes and _DIGEST.fullmatch(digest)
    }


def _pairs(entries: list[str], separator: str = " ") -> list[tuple[str, str]]:
    return [(first, second) for first, found, second in (e.partition(separator) for e in entries) if found]


def _triples(entries: list[str]) -> list[tuple[str, str, str]]:
    parts = [entry.split(" ", 2) for entry in entries]
    return [(part[0], part[1], part[2]) for part in parts if len(part) == 3]  # noqa: PLR2004


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("the look was garbled") from error
