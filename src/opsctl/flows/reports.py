"""What the flows return: values that views print and from which the exit code follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opsctl.errors import Exit, OpsctlError, worst
from opsctl.plan.plans import HostPlan, Plan

if TYPE_CHECKING:
    from opsctl.flows.checking.report import VerifyReport


@dataclass(frozen=True, slots=True)
class Selection:
    """What a narrowed run is about; empty means everything. `services` and `stacks` narrow, `hosts` leave hosts out."""

    services: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class HostOutcome:
    """How a run ended on one host. `error` is set where it did not end well; `changed` says whether anything was touched."""

    host: str
    plan: HostPlan | None = None
    done: int = 0
    """Steps that were carried out."""
    changed: bool = False
    error: OpsctlError | None = None
    seconds: float = 0.0

    @property
    def exit(self) -> Exit:
        return self.error.exit if self.error else Exit.YES


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan over the hosts that could be looked at, and the errors of those that could not."""

    plan: Plan
    errors: dict[str, OpsctlError] = field(default_factory=dict)

    @property
    def exit(self) -> Exit:
        refused = [Exit.NO] if self.plan.refused else []
        return worst([*refused, *(error.exit for error in self.errors.values())])


@dataclass(frozen=True, slots=True)
class DeployReport:
    """How a deploy ended. `confirmed` is False when the person at the prompt said no: exit 0, nothing done.

    `checks` are what was asked of the hosts that it changed; None where nothing was asked.
    """

    plan: Plan | None
    outcomes: tuple[HostOutcome, ...]
    confirmed: bool = True
    run: str = ""
    checks: VerifyReport | None = None

    @property
    def changed(self) -> bool:
        return any(outcome.changed for outcome in self.outcomes)

    @property
    def exit(self) -> Exit:
        """Worst of all hosts; a host that could not be reached, or was refused, counts as failed once anything was changed
        anywhere, and so does a check that did not pass: it was asked because something was changed.
        """
        exits = [outcome.exit for outcome in self.outcomes]
        if self.checks and self.checks.exit is not Exit.YES:
            exits.append(Exit.INTERRUPTED if self.checks.exit is Exit.INTERRUPTED else Exit.FAILED)
        if self.changed:
            nothing = {Exit.COULD_NOT_FIND_OUT, Exit.NO}
            exits = [Exit.FAILED if code in nothing else code for code in exits]
        return worst(exits)
