"""What a driver promises. docs/rotation-drivers.md says how to add one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate

Paste = Callable[[str], str]
"""Asks a person for a value that only they can bring, hidden; the argument says what is asked for."""


class Driver(Protocol):
    """One secret's system. Each verb may be called again after it was done, cut off in the middle, or done by another
    run; each raises CommandFailed, LeaseLost, Interrupted or ConnectFailed as a site does, and CouldNotFindOut where the
    system does not answer so that it can be told.
    """

    @property
    def system(self) -> str:
        """What keeps the value, for people: "role app on db (lab-app)"; "" where nothing does."""

    @property
    def steps(self) -> tuple[str, str, str]:
        """What set, test and finish do, for the plan; "" where one does nothing."""

    def create(self, secret: Secret, version: str) -> Candidate:
        """A new value. No effect on any system. Raises UsageError where a person was to bring one and did not."""

    def set(self, value: Candidate) -> None:
        """After this the system takes `value`. Whether it still takes the other one is the driver's affair."""

    def test(self, value: Candidate) -> bool:
        """Whether the system takes `value`, asked in the way a consumer would."""

    def finish(self, keep: Candidate, drop: Candidate | None) -> None:
        """After this the system takes `keep`, and `drop` no longer."""

