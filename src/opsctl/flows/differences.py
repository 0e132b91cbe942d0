"""Differences of files and env files in a form that may be shown.

The known secrets are those of now. What lies on a host may hold one of yesterday, which nobody can recognise any more;
hence an old value or line is shown only where nothing speaks for a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from opsctl.merging.keys import Change, canonical, dotted
from opsctl.render import envfile

MASK = "***"

_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|credential|salt|auth|private|dsn", re.IGNORECASE)
_USERINFO = re.compile(r"://[^/\s@]*:[^/\s@]+@")
_CONTEXT = 3

Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key of an env file or a merged file; values are masked ("***") unless they are known to be no secret, "" where there is none."""

    key: str
    change: Literal["added", "removed", "changed"]
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One path on a host: `lines` is a unified diff, already masked; for env and merged files `keys` stands instead."""

    path: str
    lines: tuple[str, ...] = ()
    keys: tuple[KeyChange, ...] = ()


def key_changes(old: bytes, new: bytes, redact: Redact) -> tuple[KeyChange, ...]:
    """The keys whose values differ between two env files, sorted. Raises ValueError for what is no env file."""
    before, after = envfile.parse(old), envfile.parse(new)
    keys = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    return tuple(_key_change(key, before.get(key), after.get(key), redact) for key in keys)


def owned_changes(changes: Iterable[Change], redact: Redact) -> tuple[KeyChange, ...]:
    """The owned keys of a merged file that a merge changes, with values as JSON writes them."""
    return tuple(_owned_change(change, redact) for change in changes)


def _owned_change(change: Change, redact: Redact) -> KeyChange:
    old = None if change.kind == "added" else canonical(change.before)
    if old and _SECRET_NAME.search(old):
        old = MASK
    return _key_change(dotted(change.path), old, canonical(change.after), redact)


def _key_change(key: str, old: str | None, new: str | None, redact: Redact) -> KeyChange:
    if new is None:
        return KeyChange(key, "removed", old=MASK)
    open_new = redact(new) == new and not _SECRET_NAME.search(key)
    shown = new if open_new else MASK
    if old is None:
        return KeyChange(key, "added", new=shown)
    return KeyChange(key, "changed", old=old if open_new and _is_open(old, redact) else MASK, new=shown)


def _is_open(value: str, redact: Redact) -> bool:
    return redact(value) == value and not _USERINFO.search(value)


def file_diff(path: str, old: bytes | None, new: bytes, redact: Redact) -> tuple[str, ...]:
    """A unified diff without its line ends; of contents that are no text, one line that says so."""
    try:
        before, after = (old or b"").decode(), new.decode()
    except UnicodeDecodeError:
        return (f"binary: {len(old or b'')} -> {len(new)} bytes",)
    lines = difflib.unified_diff(
        before.splitlines(),
        redact(after).splitlines(),
        f"{path} on the host" if old is not None else "not on the host",
        f"{path} rendered",
        n=_CONTEXT,
        lineterm="",
    )
    guarded = redact(after) != after
    return tuple(_masked(lines, redact, guarded=guarded))


def _masked(lines: Iterator[str], redact: Redact, *, guarded: bool) -> Iterator[str]:
    """Of a file with secrets no line that lies on the host only is shown; of others, none that speaks of one."""
    for number, line in enumerate(lines):
        is_old = number > 1 and line.startswith("-")
        if is_old and (guarded or _SECRET_NAME.search(line) or _USERINFO.search(line)):
            yield f"-{MASK}"
        else:
            yield redact(line)
