"""What a rotation would do, as a value that prints, and how one ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.errors import Exit, OpsctlError
from opsctl.flows.rotation.protocol import End
from opsctl.model.secrets import span_text
from opsctl.plan.plans import Plan, as_json
from opsctl.secrets.journal import Opened

Way = Literal["rotate", "resume", "abort", "rollback"]


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """One secret's rotation. `steps` says what set, test and finish do to the system, "" where they do nothing; `deploy`
    is the narrowed plan of the consumers. `grace` in seconds. `person_withdraws`: the old value works on until a person ends it
    where it was given out. `over`: nothing is left but what says that it is open.
    """

    secret: str
    environment: str
    way: Way
    before: str
    after: str
    system: str
    steps: tuple[str, str, str]
    consumers: tuple[str, ...]
    deploy: Plan
    grace: float = 0.0
    notes: tuple[str, ...] = ()
    kept: str = ""
    """What the store says already, where this run has nothing to write there."""
    person_withdraws: bool = False
    over: bool = False

    @classmethod
    def of_marks(cls, environment: str, way: Way, opened: Opened, system: str) -> RotationPlan:
        """Of a rotation of which nothing is left but what says that it is open."""
        return cls(
            secret=opened.secret,
            environment=environment,
            way=way,
            before=opened.before,
            after=opened.after,
            system=system,
            steps=("", "", ""),
            consumers=(),
            deploy=Plan(environment, ()),
            over=True,
        )

    def lines(self) -> Iterator[str]:
        arrow = f"{self.after} -> {self.before}" if self.way == "abort" else f"{self.before} -> {self.after}"
        yield f"{self.way} {self.secret} in {self.environment}: {arrow}"
        for verb, what in self._own():
            yield f"  {verb:<9} {what}"
        yield from (f"  {'note':<9} {note}" for note in self.notes)

    def _own(self) -> Iterator[tuple[str, str]]:
        if self.over:
            yield "tidy", "remove what says that it is open; it is not, by the store"
            return
        told, tested, ended = self.steps
        if self.way in {"rotate", "rollback"}:
            yield "create", f"{self.after}, stored as pending before anything else knows it"
        if told:
            yield "set", told
        if tested:
            yield "test", f"{tested}; a wrong value must be refused"
        yield "deliver", ", ".join(self.consumers) or "nobody uses it"
        if self.kept:
            yield "finish", self.kept
        elif self.way == "abort":
            yield "finish", f"{self.before} is current, {self.after} is kept as failed"
        else:
            yield "finish", f"{self.after} is current, {self.before} previous: one write of the store"
        when = f"{span_text(self.grace)} later" if self.grace else "at once"
        if ended and self.way != "abort":
            yield "retire", f"{when}: {ended}"

    def __str__(self) -> str:
        return "\n".join(self.lines()) + (f"\n\n{self.deploy}" if self.deploy.hosts else "")


@dataclass(frozen=True, slots=True)
class RotationReport:
    """How the rotation of one secret ended. `plan` is None where it did not come to one; without `confirmed` nothing was done."""

    secret: str
    plan: RotationPlan | None = None
    end: End | None = None
    error: OpsctlError | None = None
    confirmed: bool = True
    seconds: float = 0.0

    @property
    def exit(self) -> Exit:
        return self.error.exit if self.error else Exit.YES


def rotation_json(report: RotationReport) -> dict[str, Any]:
    plan = report.plan
    return {
        "secret": report.secret,
        "way": plan.way if plan else None,
        "before": plan.before if plan else None,
        "after": plan.after if plan else None,
        "system": plan.system or None if plan else None,
        "consumers": list(plan.consumers) if plan else [],
        "deploy": as_json(plan.deploy) if plan else None,
        "confirmed": report.confirmed,
        "end": report.end,
        "exit": int(report.exit),
        "seconds": round(report.seconds, 3),
    }
