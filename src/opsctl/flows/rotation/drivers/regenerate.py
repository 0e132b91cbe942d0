"""Values that only their consumers know: a new one is made, and delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.flows.rotation.drivers.contract import Means
from opsctl.flows.rotation.drivers.generated import letters_and_digits
from opsctl.flows.rotation.drivers.targets import Target
from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate

NAME = "regenerate"


def length_of(name: str, values: Mapping[str, str]) -> int:
    """Raises UsageError that names the key."""
    return Target.read(name, NAME, values, ("length",)).length()


@dataclass(frozen=True, slots=True)
class Regenerate:
    means: Means
    length: int

    @property
    def system(self) -> str:
        return ""

    @property
    def steps(self) -> tuple[str, str, str]:
        return "", "", ""

    @property
    def overlaps(self) -> bool:
        return False

    def check(self) -> None:
        return

    def create(self, secret: Secret, version: str) -> Candidate:  # noqa: ARG002 - the contract's
        return Candidate(version, letters_and_digits(self.length, self.means.chance))

    def set(self, value: Candidate) -> None:  # noqa: ARG002 - the contract's
        return

    def test(self, value: Candidate) -> bool:  # noqa: ARG002 - the contract's
        """Nobody but the consumers could refuse it."""
        return True

    def finish(self, keep: Candidate, drop: Candidate | None) -> None:  # noqa: ARG002 - the contract's
        return


def regenerate(means: Means) -> Regenerate:
    return Regenerate(means, length_of(means.name, means.target))
