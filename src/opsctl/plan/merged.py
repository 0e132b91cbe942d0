"""Merged files held against what lies on the host: which owned keys must change there, and why one cannot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.merging.keys import Change, Path, Unmergeable, dotted, managed, no_longer_managed
from opsctl.state.desired import DesiredHost, DesiredMerge
from opsctl.state.fingerprint import merge_hash
from opsctl.state.observed import MergedState, Observed, ObservedMerged

_REFUSED: dict[MergedState, tuple[str, str]] = {
    "missing": (
        "is not there",
        "put the program's own file there first: opsctl owns some keys of it, not the file",
    ),
    "odd": ("is no regular file", "name the file itself"),
    "locked": (
        "cannot be replaced with its owner kept",
        'give the file and its folder to the login user, or write sudo = {files = "always"} for the host',
    ),
    "large": ("is larger than 1 MiB", "this is not a configuration that opsctl reads"),
}


@dataclass(frozen=True, slots=True)
class Record:
    """What an earlier run wrote down: the keys that it owned, what they meant (keyed), and the file as it left it."""

    service: str
    path: str
    keys: tuple[Path, ...]
    meaning: str
    sha256: str

    def text(self) -> str:
        """One line of JSON without a value of the file."""
        facts = {"service": self.service, "path": self.path, "keys": self.keys}
        return json.dumps({**facts, "meaning": self.meaning, "sha256": self.sha256}, sort_keys=True)


def record_name(path: str) -> str:
    """Of the record of a merged file, in `.opsctl/merged`."""
    return hashlib.sha256(path.encode()).hexdigest()[:32]


def read_record(text: str) -> Record | None:
    """What `Record.text` wrote; None for anything else."""
    try:
        facts: Any = json.loads(text)
        keys = tuple(tuple(map(str, path)) for path in facts["keys"])
        rest = [str(facts[name]) for name in ("service", "path", "meaning", "sha256")]
    except (ValueError, TypeError, LookupError):
        return None
    return Record(rest[0], rest[1], keys, rest[2], rest[3])


@dataclass(frozen=True, slots=True)
class Finding:
    """One merged file of a service.

    `text` is what the file shall hold, None where it holds that; `edited` says that the keys in `changes` were as desired after
    an earlier run. `before` is the record of that run, `record` the one that belongs there now. With a `refusal` nothing else
    is known.
    """

    merge: DesiredMerge
    found: ObservedMerged
    before: Record | None = None
    record: Record | None = None
    text: bytes | None = field(default=None, repr=False)
    changes: tuple[Change, ...] = ()
    edited: bool = False
    refusal: str = ""

    @property
    def why(self) -> str:
        """In words what is to do, by the names of keys; "" where that is nothing."""
        if self.record is None:
            return ""
        before, now = self.before.keys if self.before else (), self.record.keys
        changed = [change.path for change in self.changes]
        new = [path for path in now if path not in before and path not in changed]
        said = (
            ("managed keys edited on the host" if self.edited else "managed keys changed", changed),
            ("managed from now on, and right already", new),
            ("no longer managed, and left as it is", no_longer_managed(before, now)),
        )
        words = [f"{what}: {', '.join(map(dotted, paths))}" for what, paths in said if paths]
        return "; ".join(words) or ("" if self.is_recorded else "managed keys right already")

    @property
    def is_recorded(self) -> bool:
        """Whether the record says what it should, whatever somebody else has written into the file since."""
        if self.before is None or self.record is None:
            return False
        return _without_sum(self.before) == _without_sum(self.record)


def _without_sum(record: Record) -> tuple[str, str, frozenset[Path], str]:
    return record.service, record.path, frozenset(record.keys), record.meaning


def findings(desired: DesiredHost, observed: Observed, key: bytes) -> Mapping[str, tuple[Finding, ...]]:
    """By service. A file that is as the last run left it is not read again: reading YAML is slow."""
    records = _records(observed)
    return {
        name: tuple(
            _finding(
                name,
                merge,
                observed.merged.get(merge.path) or ObservedMerged(merge.path, "missing"),
                records.get(merge.path),
                key,
            )
            for merge in service.merges
        )
        for name, service in desired.services.items()
        if service.merges
    }


def forgotten(desired: DesiredHost, observed: Observed) -> Iterator[Record]:
    """Records of files of which nothing is owned any more, by path."""
    owned = {merge.path for service in desired.services.values() for merge in service.merges}
    yield from (record for path, record in sorted(_records(observed).items()) if path not in owned)


def _records(observed: Observed) -> dict[str, Record]:
    found = (read_record(text) for text in observed.merge_records.values())
    return {record.path: record for record in found if record}


def _finding(
    service: str, merge: DesiredMerge, found: ObservedMerged, before: Record | None, key: bytes
) -> Finding:
    if found.state != "file":
        return Finding(merge, found, before, refusal=_unusable(service, found))
    keys, meaning = tuple(managed(merge.keys)), merge_hash(merge, key)
    present = hashlib.sha256(found.content).hexdigest()
    record = Record(service, merge.path, keys, meaning, present)
    if before is not None and before == record:
        return Finding(merge, found, before, record)
    from opsctl.merging import reading  # most runs find a file as the last one left it, and read none

    try:
        merged = reading.merge(reading.text_of(found.content), merge.keys, merge.form)
    except Unmergeable as error:
        where = f"{merge.path}:{error.line}" if error.line else merge.path
        hint = f"; {error.hint}" if error.hint else ""
        return Finding(merge, found, before, refusal=f"{service}: {where}: {error.reason}{hint}")
    if not merged.changes:
        return Finding(merge, found, before, record)
    text = merged.text.encode()
    record = Record(service, merge.path, keys, meaning, hashlib.sha256(text).hexdigest())
    edited = before is not None and before.meaning == meaning
    return Finding(merge, found, before, record, text, merged.changes, edited)


def _unusable(service: str, found: ObservedMerged) -> str:
    if found.state == "link":
        return f"{service}: {found.path} leads through a symbolic link; name the file itself, {found.real or 'which is missing'}"
    what, hint = _REFUSED[found.state]
    return f"{service}: {found.path} {what}; {hint}"
