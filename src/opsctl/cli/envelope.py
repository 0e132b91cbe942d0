"""The one shape of every answer in JSON: `opsctl`, `schema`, `command`, `environment`, `exit`, `data`, `errors`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opsctl import __version__
from opsctl.errors import Exit, HostErrors, InputError, OpsctlError

SCHEMA = 1
"""Grows when a field is renamed, removed, or changes its meaning; a new field leaves it."""


def envelope(
    *,
    command: str,
    environment: str,
    exit_code: int,
    data: Any = None,
    errors: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The text of an envelope, ending in a newline."""
    shape = {
        "opsctl": __version__,
        "schema": SCHEMA,
        "command": command,
        "environment": environment or None,
        "exit": int(exit_code),
        "data": data,
        "errors": list(errors),
    }
    return json.dumps(shape, indent=2, ensure_ascii=False) + "\n"


def error_entries(error: OpsctlError, host: str | None = None) -> list[dict[str, Any]]:
    """One entry; of an InputError one for each problem, of HostErrors one for each host."""
    if isinstance(error, InputError):
        return [
            _entry(host, f"{problem.place}: {problem.message}", problem.hint, error.exit)
            for problem in error.problems
        ]
    if isinstance(error, HostErrors):
        return host_entries(error.by_host)
    message = f"{error.where}: {error.message}" if error.where else error.message
    return [_entry(host, message, error.hint, error.exit, error.evidence)]


def host_entries(errors: Mapping[str, OpsctlError]) -> list[dict[str, Any]]:
    return [entry for host in sorted(errors) for entry in error_entries(errors[host], host)]


def plain_entry(message: str, exit_code: Exit, hint: str = "") -> dict[str, Any]:
    return _entry(None, message, hint, exit_code)


def _entry(
    host: str | None, message: str, hint: str, exit_code: Exit, evidence: Iterable[str] = ()
) -> dict[str, Any]:
    return {
        "host": host,
        "message": message,
        "hint": hint or None,
        "exit": int(exit_code),
        "evidence": list(evidence),
    }
