"""Marks on the host: reactions owed to a service, and services that are kept down on purpose."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.argv.command import Command, script
from opsctl.argv.guard import guarded

__all__ = ["hold", "release", "settle"]

_HOLD = """\
umask 077
cd -- "$1/.opsctl" && mkdir -p held || exit 73
shift
for service; do : >"held/$service" || exit 73; done
sync -- held
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


def _remove(directory: str, run: str, paths: Sequence[str], label: str) -> Command:
    words = script(_REMOVE, directory, *paths)
    return guarded(directory, run, words, timeout=30.0, privilege="files", label=label)
