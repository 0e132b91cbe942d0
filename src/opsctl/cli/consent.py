"""Whether to go on: asked where somebody can answer, else given with --yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.cli.invocation import Invocation
from opsctl.cli.progress import Progress
from opsctl.cli.views.blocks import BLANK
from opsctl.errors import UsageError

if TYPE_CHECKING:
    from opsctl.plan.plans import Plan


class Consent:
    """Shows a plan and asks whether to carry it out; `shown` says whether the plan is on the screen.

    Raises UsageError at once where nobody could be asked later and --yes was not given.
    """

    def __init__(self, invocation: Invocation, shown_live: Progress, *, yes: bool) -> None:
        if not yes and not invocation.can_ask:
            why = "--json asks nothing" if invocation.json else "there is no terminal to ask on"
            raise UsageError(
                f"this needs a yes, and {why}", hint="look at `opsctl plan` first, then add --yes"
            )
        self._invocation = invocation
        self._progress = shown_live
        self._yes = yes
        self.shown = False

    def __call__(self, plan: Plan) -> bool:
        from opsctl.cli.views.plan import plan_view

        self._progress.pause()
        if not self._invocation.json:
            self._invocation.data.show([*plan_view(plan, self._invocation.data.width), BLANK])
            self.shown = True
        agreed = self._yes or ask(self._invocation, "Carry this out?")
        if agreed:
            self._progress.resume()
        return agreed


def ask(invocation: Invocation, question: str) -> bool:
    """True only for y or yes; the end of the input is a no."""
    invocation.err.write(f"{question} [y/N] ")
    return invocation.stdin.readline().strip().lower() in {"y", "yes"}
