"""Marks on the host: reactions owed to a service, services kept down on purpose, secrets whose rotation is open, databases
that were made.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.argv.command import Command, script
from opsctl.argv.guard import guarded

__all__ = ["ensured", "hold", "release", "rotated", "rotating", "settle"]

_HOLD = """\
umask 077
cd -- "$1/.opsctl" && mkdir -p held || exit 73
shift
for service; do : >"held/$service" || exit 73; done
sync -- held
"""

_ROTATING = """\
umask 077
cd -- "$1/.opsctl" && mkdir -p rotating || exit 73
printf '%s\\n' "$3" >"rotating/.$2" && sync -- "rotating/.$2" && mv -fT -- "rotating/.$2" "rotating/$2" || exit 73
sync -- rotating
"""

_ENSURED = """\
umask 077
cd -- "$1/.opsctl" && mkdir -p ensured || exit 73
{ cat && echo; } >"ensured/.$2" && sync -- "ensured/.$2" && mv -fT -- "ensured/.$2" "ensured/$2" || exit 73
sync -- ensured
"""

_ROTATED = """\
cd -- "$1/.opsctl" || exit 70
[ -e "rotating/$2" ] || exit 0
if grep -qF '"id": "' "rotating/$2" && ! grep -qF '"id": "'"$3"'"' "rotating/$2"; then exit 0; fi
rm -f -- "rotating/$2" && sync -- .
"""

_REMOVE = """\
cd -- "$1/.opsctl" || exit 70
shift
rm -f -- "$@" && sync -- .
"""


def settle(directory: str, run: str, markers: Sequence[tuple[str, str]]) -> Command:
    """Remove owed markers: (service, reaction)."""
    return _remove(directory, run, [f"owed/{service}/{kind}" for service, kind in markers], "settle")


def hold(directory: str, run: str, services: Sequence[str]) -> Command:
    """Mark services as kept down."""
    words = script(_HOLD, directory, *services)
    return guarded(directory, run, words, timeout=30.0, privilege="files", label="hold")


def release(directory: str, run: str, services: Sequence[str]) -> Command:
    """Remove the marks of `hold`."""
    return _remove(directory, run, [f"held/{service}" for service in services], "release")


def rotating(directory: str, run: str, secret: str, record: str) -> Command:
    """Mark a secret as half-rotated, for whoever plans on this host; `record` is one line of JSON without any value."""
    words = script(_ROTATING, directory, secret, record)
    return guarded(directory, run, words, timeout=30.0, privilege="files", label="mark the rotation")


def ensured(directory: str, run: str, service: str, record: str) -> Command:
    """Remember what was made in a service that keeps databases; `record` is one line of JSON without any value."""
    words = script(_ENSURED, directory, service)
    stdin = record.encode()
    return guarded(
        directory, run, words, stdin=stdin, timeout=30.0, privilege="files", label="mark the databases"
    )


def rotated(directory: str, run: str, secret: str, rotation: str) -> Command:
    """Remove the mark of `rotating` where it is that of the rotation with this id; another one's stays."""
    words = script(_ROTATED, directory, secret, rotation)
    return guarded(directory, run, words, timeout=30.0, privilege="files", label="unmark the rotation")


def _remove(directory: str, run: str, paths: Sequence[str], label: str) -> Command:
    words = script(_REMOVE, directory, *paths)
    return guarded(directory, run, words, timeout=30.0, privilege="files", label=label)
