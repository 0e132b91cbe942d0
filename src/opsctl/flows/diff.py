"""What a deploy would change in the bytes on the hosts: lines of files and of compose.yml, keys of env files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from opsctl.errors import Exit, OpsctlError, worst
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.flows.world import World
from opsctl.state.desired import Desired


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key of an env file; values are masked ("***") unless they are known to be no secret, "" where there is none."""

    key: str
    change: Literal["added", "removed", "changed"]
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One path on a host: `lines` is a unified diff, already masked; for an env file `keys` stands instead."""

    path: str
    lines: tuple[str, ...] = ()
    keys: tuple[KeyChange, ...] = ()


@dataclass(frozen=True, slots=True)
class HostDiff:
    host: str
    files: tuple[FileDiff, ...] = ()


@dataclass(frozen=True, slots=True)
class DiffReport:
    hosts: tuple[HostDiff, ...]
    errors: dict[str, OpsctlError] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        return any(host.files for host in self.hosts)

    @property
    def exit(self) -> Exit:
        return worst(error.exit for error in self.errors.values())


def diff(world: World, desired: Desired, selection: Selection = EVERYTHING) -> DiffReport:
    """Changed lines and keys of everything a deploy would push; takes no lease and changes nothing."""
    raise NotImplementedError
