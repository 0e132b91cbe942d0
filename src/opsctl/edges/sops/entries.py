"""A store's entries in an opened document: what counts as the text of a value, and writing what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsctl.edges.sops.document import Unlocked
from opsctl.edges.sops.locked import Path
from opsctl.edges.sops.shape import VALUE
from opsctl.model.secrets import StoreFile, as_written

# `sops set` reads a JSON number as a float64 (sops 3.11): whole ones are what was typed only below this.
_EXACT = 2**53


def value_path(name: str, version: str) -> Path:
    return ("secrets", name, "versions", version, VALUE)


def text_of(value: Any) -> str | None:
    """A kept value as the text that it stands for: text itself, or a number that `sops set` left; None for anything else."""
    if isinstance(value, str) or type(value) is int:
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return None


def write_difference(unlocked: Unlocked, before: StoreFile, after: StoreFile) -> None:
    """All that a store says in clear; what is equal stays spelled as it is. Values of versions that are gone go too."""
    _write(unlocked, as_written(before), as_written(after), ())


def _write(unlocked: Unlocked, old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> None:
    for key in old:
        if key not in new:
            unlocked.remove((*path, key))
    for key, wanted in new.items():
        if isinstance(wanted, dict):
            _write(unlocked, old.get(key, {}), wanted, (*path, key))
        elif old.get(key) != wanted:
            unlocked.set((*path, key), wanted)
