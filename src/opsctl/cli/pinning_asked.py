"""What the command line of `pin-images` asks for, and which of its options go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsctl.errors import UsageError

Mode = Literal["pin", "update", "outdated", "running", "check", "rollback"]
_WRITES = frozenset({"pin", "update", "running", "rollback"})


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line. `environment` None means all of them."""

    mode: Mode
    names: tuple[str, ...] = ()
    environment: str | None = None
    offline: bool = False
    strict: bool = False
    write_source: bool = False
    dry_run: bool = False
    via: str = ""
    parallel: int = 8


def one_mode(*, update: bool, outdated: bool, running: bool, check: bool, rollback: bool) -> Mode:
    """Raises UsageError where several are given."""
    given: dict[Mode, bool] = {
        "update": update,
        "outdated": outdated,
        "running": running,
        "check": check,
        "rollback": rollback,
    }
    modes = [mode for mode, asked in given.items() if asked]
    if len(modes) > 1:
        raise UsageError(" and ".join(f"--{mode}" for mode in modes) + " exclude each other")
    return modes[0] if modes else "pin"


def require_fitting(asked: Asked) -> None:
    """Raises UsageError for options that say nothing in this way."""
    checks, writes = asked.mode == "check", asked.mode in _WRITES
    loose = {
        "--offline goes with --check only": asked.offline and not checks,
        "--strict goes with --check only": asked.strict and not checks,
        f"--write-source does not go with --{asked.mode}": asked.write_source and not writes,
        "--write-source does not go with -e: a line counts in every environment": asked.write_source
        and asked.environment is not None,
        f"--dry-run does not go with --{asked.mode}, which writes nothing": asked.dry_run and not writes,
        "--via and --offline exclude each other": bool(asked.via) and asked.offline,
        "--via does not go with --rollback, which asks no registry": bool(asked.via)
        and asked.mode == "rollback",
        "--via does not go with --outdated: an engine cannot list tags": bool(asked.via)
        and asked.mode == "outdated",
    }
    for message, wrong in loose.items():
        if wrong:
            raise UsageError(message)
