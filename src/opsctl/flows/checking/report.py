"""What checks found: of a verify, and at the end of a deploy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsctl.checks.leftovers import Leftover
from opsctl.checks.waivers import Idle
from opsctl.errors import Exit, OpsctlError, worst
from opsctl.flows.checking.running import Outcome


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """`errors` are hosts that could not be looked at. `green` are the digests of images, by what the lock calls them, that a
    service passed everything with, and none failed with. `leftovers` are containers of other runs' checks, `waivers`
    those that can be taken out.
    """

    environment: str
    outcomes: tuple[Outcome, ...]
    errors: Mapping[str, OpsctlError] = field(default_factory=dict)
    green: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    leftovers: tuple[Leftover, ...] = ()
    waivers: tuple[Idle, ...] = ()

    @property
    def exit(self) -> Exit:
        """4 where a check failed and nobody waived that; 5 where one is inconclusive, which is never a pass, or a host could not be looked at."""
        results = {one.verdict.result for one in self.outcomes}
        codes = [error.exit for error in self.errors.values()]
        codes += [Exit.NO] if "fail" in results else []
        codes += [Exit.COULD_NOT_FIND_OUT] if "inconclusive" in results else []
        return worst(codes)
