"""The keys of openclaw.json by version of OpenClaw, as its own schema has them.

npm packages 2026.2.23 and 2026.3.13 (dist: OpenClawSchema), 2026.5.7 and 2026.9.6 (`openclaw config schema`). Left out is what
a plugin brings and not the program: channels other than telegram, and `plugins.entries.ID.config`. Each line of keys/VERSION.txt
has the path of a mapping and its keys: `*` is any key, `[]` behind a path its items. What has no line takes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from opsctl.apps.openclaw.versions import Version

Keys = Mapping[str, frozenset[str]]
Path = tuple[str | int, ...]

LISTED: tuple[Version, ...] = ((2026, 2, 23), (2026, 3, 13), (2026, 5, 7), (2026, 9, 6))
"""The oldest first."""
ANY = "*"


@cache
def listed(version: Version) -> Keys:
    """The keys of a version that has a list."""
    name = ".".join(map(str, version))
    text = files(__package__).joinpath(f"keys/{name}.txt").read_text(encoding="utf-8")
    lines = (line.partition(":") for line in text.splitlines())
    return {path: frozenset(keys.split()) for path, _, keys in lines}


@cache
def known_keys(version: Version | None) -> Keys:
    """For a version. Between two lists a key of either is known; above the newest, and for a version that nobody knows, those of
    the newest count.
    """
    if version is None:
        return listed(LISTED[-1])
    older = [one for one in LISTED if one <= version]
    newer = [one for one in LISTED if one > version]
    if not older or not newer or older[-1] == version:
        return listed((older or newer)[-1 if older else 0])
    return _either(listed(older[-1]), listed(newer[0]))


def _either(one: Keys, other: Keys) -> Keys:
    """A path that only one of them has a line for takes anything where the other knows it as a key."""
    free = {path for path in one.keys() ^ other.keys() if _is_key(path, other if path in one else one)}
    return {
        path: one.get(path, frozenset()) | other.get(path, frozenset())
        for path in one.keys() | other.keys()
        if path not in free
    }


def _is_key(path: str, keys: Keys) -> bool:
    head, _, last = path.removesuffix("[]").rpartition(".")
    return last in keys.get(head, ())


def unknown_keys(value: Any, keys: Keys) -> Iterator[tuple[Path, frozenset[str]]]:
    """The path of every key that is none, and the keys that could stand there."""
    return _unknown(value, keys, "", ())


def _unknown(value: Any, keys: Keys, at: str, path: Path) -> Iterator[tuple[Path, frozenset[str]]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown(item, keys, f"{at}[]", (*path, number))
    if not isinstance(value, dict) or at not in keys:
        return
    for key, inner in value.items():
        known = key in keys[at]
        if not known and ANY not in keys[at]:
            yield (*path, key), keys[at]
            continue
        name = key if known else ANY
        yield from _unknown(inner, keys, f"{at}.{name}" if at else name, (*path, key))
