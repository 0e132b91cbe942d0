"""A variable of hosts.toml with another value: the characters between its quotes, and no other byte."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from opsctl.model.values import Unfit

_HINT = "write it by hand, then opsctl pin-images"


def with_variable_in_toml(text: str, line: int, old: str, new: str) -> str:
    """The text with `new` in place of `old`, the whole value of a variable that stands in this 1-based line.

    Raises Unfit where the line holds no such value, or two, or where anything else would change by it.
    """
    lines = text.splitlines(keepends=True)
    there = lines[line - 1] if 0 < line <= len(lines) else ""
    found = list(re.finditer(rf"""(["']){re.escape(old)}\1""", there))
    if len(found) != 1:
        raise Unfit(f"line {line} does not have {old!r} as the value of one variable", _HINT)
    start, end = found[0].start() + 1, found[0].end() - 1
    changed = "".join([*lines[: line - 1], there[:start] + new + there[end:], *lines[line:]])
    if _changes(tomllib.loads(text), tomllib.loads(changed)) != [(old, new)]:
        raise Unfit(f"a new value in line {line} would change more than that variable", _HINT)
    return changed


def _changes(old: Any, new: Any) -> list[tuple[Any, Any]]:
    """Every value that differs between two documents of the same shape, with what it became."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return [pair for key in old for pair in _changes(old[key], new[key])]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [pair for one, other in zip(old, new, strict=True) for pair in _changes(one, other)]
    return [] if old == new else [(old, new)]
