"""The lines of the access log: who looked at or changed which secret, each line chained to the one before it.

What the chain shows: any line that was edited, taken out of the middle or the beginning, put in or moved. What it cannot
show: lines cut off the end, or a whole new chain, both of which anybody can make who may write the file; and whatever
reads secrets without opsctl.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from opsctl.model.secrets import moment_text, parse_moment
from opsctl.model.values import Unfit

FIRST = "0" * 64
"""What the first line of a log follows."""
REPAIR = "repair"
"""The action of the line after a torn one."""

_KEYS = (
    *("ts", "user", "email", "machine", "environment", "secret", "version", "action", "reason"),
    *("prev", "hash"),
)


@dataclass(frozen=True, slots=True)
class Access:
    """One look at, or change of, one secret; never its value. `at` is seconds since the epoch, kept to the second.

    `user` is the login name, behind sudo the one of who typed it; `email` is git's, "" where git has none. `action` is a
    word such as show, export, edit.
    """

    at: float
    user: str
    machine: str
    environment: str
    secret: str
    action: str
    version: str = ""
    reason: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A line (1-based) that does not belong where it stands. `torn`: it is the last one and was not written to its end."""

    line: int
    message: str
    torn: bool = False


def digest(line: bytes) -> str:
    """What the next line says of this one; without its newline."""
    return sha256(line).hexdigest()


def written(access: Access, before: str) -> bytes:
    """The line of an access, pure ASCII, without a newline. `before` is the digest of the line before it, or FIRST."""
    return _sealed(
        {
            "ts": moment_text(access.at),
            "user": access.user,
            "email": access.email,
            "machine": access.machine,
            "environment": access.environment,
            "secret": access.secret,
            "version": access.version,
            "action": access.action,
            "reason": access.reason,
            "prev": before,
        }
    )


def repair(access: Access, torn: bytes) -> bytes:
    """The line that follows a torn one and says so. Who, where and when are those of the access that found it."""
    found = Access(
        at=access.at,
        user=access.user,
        machine=access.machine,
        environment="",
        secret="",
        action=REPAIR,
        reason=f"the line before was not written to its end ({len(torn)} bytes)",
    )
    return written(found, digest(torn))


def is_whole(line: bytes) -> bool:
    """Whether a line is written to its end, and as opsctl writes it."""
    return _read(line) is not None


def verify(lines: Iterable[bytes]) -> Flaw | None:
    """The first line that does not belong where it stands. Lines as a file opened in binary gives them.

    A torn line is no flaw where a line follows that says so.
    """
    before, torn = FIRST, 0
    for number, raw in enumerate(lines, 1):
        line = raw.removesuffix(b"\n")
        entry = _read(line)
        if torn and (entry is None or entry["action"] != REPAIR or entry["prev"] != before):
            return Flaw(torn, "it is not as opsctl wrote it")
        if entry is None:
            torn = number
        elif entry["prev"] != before:
            return Flaw(number, "it does not follow the line before it")
        else:
            torn = 0
        ended, before = raw.endswith(b"\n"), digest(line)
    if not torn:
        return None
    return (
        Flaw(torn, "it is not as opsctl wrote it")
        if ended
        else Flaw(torn, "it was not written to its end", torn=True)
    )


def accesses(lines: Iterable[bytes]) -> Iterator[Access]:
    """What the lines tell, oldest first; those that cannot be read are passed over."""
    for line in lines:
        entry = _read(line.removesuffix(b"\n"))
        if entry is not None:
            told = {key: entry[key] for key in _KEYS if key not in {"ts", "prev", "hash"}}
            yield Access(at=parse_moment(entry["ts"]), **told)


def _sealed(body: dict[str, Any]) -> bytes:
    return _dumped({**body, "hash": digest(_dumped(body))})


def _dumped(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def _read(line: bytes) -> dict[str, Any] | None:
    """The entry of a line, if writing it again gives the very same bytes."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or tuple(entry) != _KEYS:
        return None
    if not all(isinstance(value, str) for value in entry.values()):
        return None
    try:
        parse_moment(entry["ts"])
    except Unfit:
        return None
    body = {key: value for key, value in entry.items() if key != "hash"}
    return entry if _sealed(body) == line else None
