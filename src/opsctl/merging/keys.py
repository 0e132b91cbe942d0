"""Keys that opsctl owns in somebody else's file: their paths, their values, and how both are compared.

A tree is what a reading gives: mappings, lists, text, numbers, true, false, null, and Tagged. Values may be secrets; nothing
here shows them in a repr.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsctl.model.values import Unfit

Path = tuple[str, ...]
Value = Any
# Deeper than any configuration; below Python's own limit of recursion.
DEEPEST = 60
MERGE = "<<"
BY_HAND = "mend the file by hand; it is left alone until then"
_WORD = re.compile(r"[\w-]+")
_HALF = re.compile("[\ud800-\udfff]")


class Unmergeable(Unfit):
    """A text that managed keys cannot be put into. `line` is 1-based, 0 where none is known; `reason` is without it."""

    def __init__(self, reason: str, hint: str = "", *, line: int = 0, path: Path = ()) -> None:
        self.line = line
        self.path = path
        self.reason = f"{dotted(path)}: {reason}" if path else reason
        super().__init__(f"line {line}: {self.reason}" if line else self.reason, hint)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with a tag (`!vault`, `!!binary`) whose meaning only the program knows that reads the file."""

    tag: str
    value: Value = field(repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """`before` is None where the key was added."""

    path: Path
    kind: Literal["added", "changed"]
    before: Value = field(repr=False)
    after: Value = field(repr=False)


@dataclass(frozen=True, slots=True)
class Merged:
    """`text` is the old text itself where there are no changes."""

    text: str = field(repr=False)
    changes: tuple[Change, ...]


def dotted(path: Path) -> str:
    """The path for people; keys that are no plain words stand in quotes."""
    return ".".join(key if _WORD.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in path)


def managed(tree: Mapping[str, Value]) -> dict[Path, Value]:
    """The keys that a tree owns: mappings are descended into, lists and scalars are owned whole.

    Raises Unmergeable for an empty mapping, which would own nothing, for keys that are not text, for the key `<<`, and for
    values that are not plain data.
    """
    return dict(_leaves(tree, ()))


def _leaves(tree: Mapping[str, Value], path: Path) -> Iterator[tuple[Path, Value]]:
    for key, value in tree.items():
        if not isinstance(key, str) or _HALF.search(key):
            raise Unmergeable("a key is text", path=path)
        below = (*path, key)
        if key == MERGE:
            raise Unmergeable("'<<' is not a key but takes other keys in", "write the keys out", path=path)
        if not isinstance(value, Mapping):
            yield below, _plain(value, below)
        elif value:
            _within(below)
            yield from _leaves(value, below)
        else:
            raise Unmergeable(
                "an empty mapping owns nothing", "name the keys below it, or leave it out", path=below
            )


def _plain(value: Value, path: Path, depth: int = 0) -> Value:
    _within(path, depth)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and key != MERGE for key in value):
            raise Unmergeable("a key is text, and not '<<'", path=path)
        return {_plain(key, path): _plain(entry, path, depth + 1) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, path, depth + 1) for entry in value]
    if isinstance(value, str) and _HALF.search(value):
        raise Unmergeable("half a character (a lone surrogate), which no file can hold", path=path)
    if value is not None and type(value) not in {str, bool, int, float}:
        raise Unmergeable(f"{type(value).__name__} has no form in YAML and JSON", path=path)
    return value


def _within(path: Path, depth: int = 0) -> None:
    if len(path) + depth > DEEPEST:
        raise Unmergeable("it is nested too deeply", path=path[:1])


def canonical(value: Value) -> str:
    """ASCII text that two values share only if they mean the same: 1, 1.0, true and "1" differ, the order of keys does not."""
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key)}:{canonical(value[key])}" for key in sorted(value))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, Tagged):
        return f"!{json.dumps(value.tag)}{canonical(value.value)}"
    return json.dumps(value)


def same(one: Value, other: Value) -> bool:
    return canonical(one) == canonical(other)


def fingerprint_text(values: Mapping[Path, Value]) -> str:
    """One ASCII text for keys and their values, whatever order they are in and however the file spells them; it holds the
    values, so it is for hashing with a key, not for showing.
    """
    pairs = (f"{json.dumps(path)}:{canonical(values[path])}" for path in sorted(values))
    return "[" + ",".join(pairs) + "]"


def no_longer_managed(before: Iterable[Path], now: Iterable[Path]) -> tuple[Path, ...]:
    """Paths that were managed and neither are, nor hold a path that is, nor stand below one; in order. The file keeps them."""
    kept = tuple(now)
    return tuple(sorted(path for path in set(before) if not any(_overlap(path, one) for one in kept)))


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def present(tree: Value, paths: Iterable[Path]) -> dict[Path, Value]:
    """The values at these paths; those that are absent are left out."""
    found: dict[Path, Value] = {}
    for path in paths:
        at = tree
        for key in path:
            if not isinstance(at, Mapping) or key not in at:
                break
            at = at[key]
        else:
            found[path] = at
    return found


def replaced(tree: Value, wanted: Mapping[Path, Value]) -> Value:
    """The tree with exactly these values. A null on the way becomes a mapping; anything else there must be one."""
    for path, value in wanted.items():
        tree = _with(tree, path, value)
    return tree


def _with(tree: Value, path: Path, value: Value) -> Value:
    if not path:
        return value
    if tree is not None and not isinstance(tree, Mapping):
        raise Unmergeable("a mapping is needed", path=path)
    inner = tree or {}
    return {**inner, path[0]: _with(inner.get(path[0]), path[1:], value)}


def differing(one: Value, other: Value, path: Path = ()) -> tuple[Path, ...]:
    """Paths at which two trees differ; lists and scalars are compared whole."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return () if same(one, other) else (path,)
    found: list[Path] = []
    for key in [*one, *(key for key in other if key not in one)]:
        below = (*path, key)
        found += differing(one[key], other[key], below) if key in one and key in other else [below]
    return tuple(found)


def changes(tree: Value, wanted: Mapping[Path, Value]) -> tuple[Change, ...]:
    """What must change for the tree to have the wanted values."""
    now = present(tree, wanted)
    return tuple(
        Change(path, "changed" if path in now else "added", now.get(path), value)
        for path, value in wanted.items()
        if path not in now or not same(now[path], value)
    )


def has(tree: Value, key: str, wanted: Value) -> bool:
    """Whether a mapping has the wanted value at this key; of a wanted mapping, all that it names."""
    if not isinstance(tree, Mapping) or key not in tree:
        return False
    if isinstance(wanted, Mapping):
        return all(has(tree[key], below, value) for below, value in wanted.items())
    return same(tree[key], wanted)


def is_covered(tree: Value, paths: Iterable[Path]) -> bool:
    """Whether nothing in the tree stands anywhere but at these paths; an empty mapping and a null may stand on the way."""
    known = set(paths)
    return all(path in known or (empty and _holds(path, known)) for path, empty in _ends(tree, ()))


def _ends(tree: Value, path: Path) -> Iterator[tuple[Path, bool]]:
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from _ends(value, (*path, key))
    else:
        yield path, tree is None or isinstance(tree, Mapping)


def _holds(path: Path, paths: Iterable[Path]) -> bool:
    return any(one[: len(path)] == path for one in paths)


def require_settled(old: Value, read: Callable[[], Value], wanted: Mapping[Path, Value], hint: str) -> None:
    """Whether what was spliced reads as the old tree with exactly these values replaced; `read` reads it and may raise ValueError.

    Raises Unmergeable.
    """
    try:
        holds = same(replaced(old, wanted), read())
    except ValueError:
        holds = False
    if not holds:
        path = next(change.path for change in changes(old, wanted))
        raise Unmergeable("its layout cannot be changed key by key", hint, path=path)
