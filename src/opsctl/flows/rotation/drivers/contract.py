"""What a driver promises, and what it is made from. docs/rotation-drivers.md says how to add one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from opsctl.errors import UsageError
from opsctl.flows.site import Site
from opsctl.flows.world import World
from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate

Paste = Callable[[str], str]
"""Asks a person for a value that only they can bring, hidden; the argument says what is asked for."""

Known = Callable[[], Sequence[Candidate]]
"""The values that the system may take at the moment of the call, in any order: current, pending, previous."""

Chance = Callable[[int], bytes]
"""So many random bytes, fit for secrets."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a driver of the secret `name` is made from. `target` was accepted by `registry.check` before.

    `site` is the host that runs `registry.system_service`, under its lease; None where no service keeps the value.
    """

    name: str
    target: Mapping[str, str]
    world: World
    site: Site | None
    chance: Chance
    paste: Paste
    known: Known = field(default=tuple, repr=False)

    @property
    def host(self) -> Site:
        """The site of a driver whose system is a service. Raises UsageError where no host runs it."""
        if self.site is None:
            service = self.target.get("service", "")
            raise UsageError(
                f"no host of this environment runs {service or 'the service that keeps it'}",
                where=f"secret {self.name}",
                hint="target.service is a service of a stack, as `opsctl status` lists them",
            )
        return self.site


class Driver(Protocol):
    """One secret's system. Each verb may be called again after it was done, cut off in the middle, or done by another
    run; each raises CommandFailed, LeaseLost, Interrupted or ConnectFailed as a site does, Refused where the system is not
    in a state for it, and CouldNotFindOut where the system does not answer so that it can be told.

    The way back, at whatever point, is `set(old)`, then `finish(keep=old, drop=new)`.
    """

    @property
    def system(self) -> str:
        """What keeps the value, for people: "role app on db (lab-app)"; "" where nothing does."""

    @property
    def steps(self) -> tuple[str, str, str]:
        """What set, test and finish do, for the plan; "" where one does nothing. Where set does nothing, a value is put back
        without asking the system for it.
        """

    @property
    def overlaps(self) -> bool:
        """Whether the value before works on from `set` until `finish`. Where not, its consumers cannot log in anew
        between `set` and their recreation, and a grace means nothing.
        """

    def check(self) -> None:
        """Whether the verbs can be expected to work, before anything is changed or stored. Raises Refused as they do."""

    def create(self, secret: Secret, version: str) -> Candidate:
        """A new value. No effect on any system. Raises UsageError where a person was to bring one and did not."""

    def set(self, value: Candidate) -> None:
        """After this the system takes `value`. Whether it still takes the other one is the driver's affair."""

    def test(self, value: Candidate) -> bool:
        """Whether the system takes `value`, asked in the way a consumer would.

        A system that takes anything takes a wrong value too: who calls this, asks it of a random one as well. Where
        there is no `system`, the answer is yes and says nothing.
        """

    def finish(self, keep: Candidate, drop: Candidate | None) -> None:
        """After this the system takes `keep`, and `drop` no longer."""
