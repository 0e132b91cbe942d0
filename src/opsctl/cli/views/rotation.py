"""A rotation on a screen: its own steps, the narrowed plan of its consumers, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opsctl.cli.views.blocks import BLANK, Block, Column, Line, Span, Style, Table, line
from opsctl.cli.views.errors import error_view
from opsctl.cli.views.figures import seconds
from opsctl.cli.views.plan import fold, plan_view
from opsctl.errors import Exit
from opsctl.flows.rotation.plans import RotationPlan, RotationReport
from opsctl.flows.rotation.protocol import End
from opsctl.model.secrets import span_text

_ENDS: dict[End, tuple[str, Style]] = {
    "done": ("done", "good"),
    "not yet withdrawn": ("in force, the old value still works", "warn"),
    "put back": ("the old value is in force", "warn"),
    "nothing was begun": ("no rotation was open", ""),
}


def rotation_plan_view(plan: RotationPlan, width: int | None = None) -> Iterator[Line]:
    """Without a width the text is exactly `str(plan)`."""
    head, *steps = plan.lines()
    yield line(Span(head, "strong"))
    for step in steps:
        first, *rest = fold(step, width)
        verb, what = first[2:11], first[11:]
        yield line("  ", Span(verb, "warn" if verb.strip() == "note" else "change"), what)
        yield from (line(text) for text in rest)
    if plan.deploy.hosts:
        yield BLANK
        yield from plan_view(plan.deploy, width)


def rotations_view(reports: Iterable[RotationReport]) -> Iterator[Block]:
    """A line for each secret, and what is left for a person to do."""
    several = list(reports)
    if not several:
        yield line("nothing to rotate")
        return
    if any(report.plan and report.confirmed for report in several):
        yield BLANK
    yield Table((Column(), Column(), Column(), Column(align="right")), tuple(map(_row, several)))
    for report in several:
        if report.end == "not yet withdrawn" and report.plan:
            yield line(Span("note", "warn"), f"  {report.secret}: {_left_to_do(report.plan)}")


def _left_to_do(plan: RotationPlan) -> str:
    resume = f"opsctl rotate-secret {plan.secret} -e {plan.environment} --resume"
    grace = span_text(plan.grace) if plan.grace else ""
    if plan.person_withdraws:
        after = f"after {grace}, " if grace else ""
        return f"{after}revoke {plan.before} at {plan.system}, then: {resume} --revoked"
    return f"{plan.before} works on for {grace}; then: {resume}, or --due from a timer"


def _row(report: RotationReport) -> tuple[Span, ...]:
    plan = report.plan
    arrow = f"{plan.before} -> {plan.after}" if plan and plan.way != "abort" else ""
    return Span(report.secret, "strong"), _ending(report), Span(arrow), Span(seconds(report.seconds), "dim")


def _ending(report: RotationReport) -> Span:
    if not report.confirmed:
        return Span("nothing done" if report.plan else "not begun", "dim")
    if report.error and report.plan is None:
        return Span("refused" if report.exit is Exit.NO else "not begun", "bad")
    if report.error or report.end is None:
        return Span("FAILED", "bad")
    return Span(*_ENDS[report.end])


def rotation_failures_view(reports: Iterable[RotationReport]) -> Iterator[Block]:
    for report in reports:
        if report.error:
            yield BLANK
            yield from error_view(report.error, report.secret)
