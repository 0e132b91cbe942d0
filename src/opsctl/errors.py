"""Every error that opsctl raises on purpose, and the exit code each ends in.

    OpsctlError                    1
    ├── UsageError                 2   the command line asks for something that cannot be meant
    │   ├── InputError             2   one or more Problems in the operator's files, all at once
    │   └── StoreUnusable          2   a secret store is missing, malformed or in a merge
    │       ├── NoKey                  no age key at hand opens it
    │       └── Tampered               its check sum does not fit what it holds
    ├── OperationFailed            1   a change was tried and did not succeed
    │   ├── CommandFailed          1   a command on a host ended with a code other than 0
    │   ├── HealthFailed           1   a container did not become healthy
    │   └── LeaseLost              1   the lease of a host ended while it was needed
    ├── Refused                    4   the answer is no: the plan, a rule or a limit forbids it
    │   └── NotInRegistry          4   the registry answers, and has no such tag, digest or repository
    ├── CouldNotFindOut            5   the question could not be answered
    │   ├── ConnectFailed          5   no SSH connection
    │   │   ├── AuthenticationFailed
    │   │   └── HostKeyRefused         unknown, changed or revoked
    │   ├── NotReached             5   nobody took a TCP connection there
    │   │   └── Silent                 nor said that he does not
    │   ├── EngineUnavailable      5   the Docker engine or Compose is missing, stopped, too old or forbidden
    │   └── RegistryUnavailable    5   a registry is silent, forbids it, limits the rate or answers nonsense
    ├── LeaseHeld                  6   another run holds the lease of a host
    ├── Interrupted              130   the operator stopped the run
    └── HostErrors                     several hosts' errors at once; the worst exit code of them

A message says what happened and where; `hint` says how to mend it; `evidence` holds the last lines of
what a host printed, already redacted. None of them may hold a secret's value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "AuthenticationFailed",
    "CommandFailed",
    "ConnectFailed",
    "CouldNotFindOut",
    "EngineUnavailable",
    "Exit",
    "HealthFailed",
    "HostErrors",
    "HostKeyRefused",
    "InputError",
    "Interrupted",
    "LeaseHeld",
    "LeaseLost",
    "NoKey",
    "NotInRegistry",
    "NotReached",
    "OperationFailed",
    "OpsctlError",
    "Problem",
    "Refused",
    "RegistryUnavailable",
    "Silent",
    "StoreUnusable",
    "Tampered",
    "UsageError",
    "worst",
]


class Exit(IntEnum):
    """The exit codes of every command."""

    YES = 0
    FAILED = 1
    USAGE = 2
    BUG = 3
    NO = 4
    COULD_NOT_FIND_OUT = 5
    LEASE_HELD = 6
    INTERRUPTED = 130


_WORST_FIRST = (
    Exit.INTERRUPTED,
    Exit.BUG,
    Exit.USAGE,
    Exit.FAILED,
    Exit.LEASE_HELD,
    Exit.COULD_NOT_FIND_OUT,
    Exit.NO,
    Exit.YES,
)


def worst(exits: Iterable[Exit]) -> Exit:
    """The exit code of a run over several hosts: 130 > 3 > 2 > 1 > 6 > 5 > 4 > 0."""
    return min(exits, key=_WORST_FIRST.index, default=Exit.YES)


class OpsctlError(Exception):
    """An error with a place, evidence and a way to mend it."""

    exit = Exit.FAILED

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        evidence: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint
        self.evidence = tuple(evidence)

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.message}" if self.where else self.message]
        lines += [f"  | {line}" for line in self.evidence]
        if self.hint:
            lines += ["", f"hint: {self.hint}"]
        return "\n".join(lines)


class UsageError(OpsctlError):
    """The command line or the operator's files ask for something that cannot be meant."""

    exit = Exit.USAGE


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in an operator's file; `line` is 1-based, 0 where no line is known."""

    file: str
    line: int
    message: str
    hint: str = ""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        tail = f"\n    hint: {self.hint}" if self.hint else ""
        return f"{self.place}: {self.message}{tail}"


class InputError(UsageError):
    """All problems found in the operator's files in one reading, sorted by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the project's files")

    def __str__(self) -> str:
        return "\n".join([*map(str, self.problems), "", self.message])


class StoreUnusable(UsageError):
    """A secret store is missing, malformed, of another format or in the middle of a merge."""


class NoKey(StoreUnusable):
    """No age key at hand opens the store, or a key file may not be used."""


class Tampered(StoreUnusable):
    """A value or the store's check sum does not fit: it was edited without sops or opsctl, or damaged."""


class OperationFailed(OpsctlError):
    """A change was tried and did not succeed."""


class CommandFailed(OperationFailed):
    """A command on a host ended with a code other than 0, was killed, or ran out of time."""


class HealthFailed(OperationFailed):
    """A container did not become healthy, or did not stay up, in the time it was given."""


class LeaseLost(OperationFailed):
    """The lease of a host ended while it was needed; nothing more was changed there."""


class Refused(OpsctlError):
    """The plan, a rule or a limit forbids it; nothing was changed, or what was changed the message of a rotation says."""

    exit = Exit.NO


class NotInRegistry(Refused):
    """The registry answers, and has no such tag, digest or repository."""


class CouldNotFindOut(OpsctlError):
    """The question could not be answered; nothing was changed, or what was changed the message of a rotation says."""

    exit = Exit.COULD_NOT_FIND_OUT


class ConnectFailed(CouldNotFindOut):
    """No connection to the host on any of its addresses."""


class AuthenticationFailed(ConnectFailed):
    """The host refused every key that was offered."""


class HostKeyRefused(ConnectFailed):
    """The host's key is unknown, changed or revoked."""


class NotReached(CouldNotFindOut):
    """Nobody took a TCP connection at that address: refused, silent, or no way there."""


class Silent(NotReached):
    """Nothing came back in time: from the address, or from the machine that it was asked through."""


class EngineUnavailable(CouldNotFindOut):
    """The Docker engine or Compose is missing, stopped, too old, or this user may not use it."""


class RegistryUnavailable(CouldNotFindOut):
    """A registry is silent, refuses the login, limits the rate, or answers what no registry should."""


class LeaseHeld(OpsctlError):
    """Another run holds the lease of a host; nothing was done."""

    exit = Exit.LEASE_HELD


class Interrupted(OpsctlError):
    """The operator stopped the run; what had begun was finished, nothing more was."""

    exit = Exit.INTERRUPTED


class HostErrors(OpsctlError):
    """What went wrong on several hosts, before anything was changed or while it was; each error as it would be alone."""

    def __init__(
        self, by_host: Mapping[str, OpsctlError], *, hint: str = "", what: str = "are not ready"
    ) -> None:
        super().__init__(f"{len(by_host)} hosts {what}: {', '.join(sorted(by_host))}", hint=hint)
        self.by_host = {host: by_host[host] for host in sorted(by_host)}
        self.exit = worst(error.exit for error in by_host.values())

    def __str__(self) -> str:
        return "\n\n".join([*map(str, self.by_host.values()), super().__str__()])
