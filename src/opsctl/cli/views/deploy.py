"""How a deploy ended: a line for each host, failures last with their evidence and the way to mend them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opsctl.cli.envelope import error_entries
from opsctl.cli.views.blocks import BLANK, Block, Column, Span, Table, line
from opsctl.cli.views.errors import error_view
from opsctl.cli.views.figures import count, seconds
from opsctl.cli.views.plan import plan_view
from opsctl.errors import Exit, OpsctlError
from opsctl.flows.reports import DeployReport, HostOutcome
from opsctl.plan.plans import HostPlan, as_json

_COUNTED = ("create", "recreate", "start", "restart", "run", "react", "replace", "pull")
_PAST = {
    "create": "created",
    "recreate": "recreated",
    "start": "started",
    "restart": "restarted",
    "run": "run",
    "react": "reloaded",
    "replace": "replaced",
    "pull": "pulled",
}


def deploy_view(report: DeployReport, *, shown: bool, width: int | None = None) -> Iterator[Block]:
    """The plan, unless it is on the screen already, and how it ended on each host; no summary of a plan without steps."""
    if not report.confirmed:
        yield line("nothing done")
        return
    if report.plan and not shown:
        yield from plan_view(report.plan, width)
        if not report.plan.changes or report.plan.refused:
            return
    yield BLANK
    outcomes = sorted(report.outcomes, key=lambda outcome: (outcome.error is not None, outcome.host))
    yield Table((Column(), Column(), Column(align="right"), Column(least=20)), tuple(map(_row, outcomes)))
    if report.checks:
        from opsctl.cli.views.verify import after_deploy_view  # where nothing changed, nothing was asked

        yield BLANK
        yield from after_deploy_view(report.checks)


def failures_view(report: DeployReport) -> Iterator[Block]:
    """Of the hosts where it did not end well, and of those that could not be asked whether it did."""
    for host, error in _errors(report):
        yield BLANK
        yield from error_view(error, host)


def _errors(report: DeployReport) -> Iterator[tuple[str, OpsctlError]]:
    for outcome in sorted(report.outcomes, key=lambda outcome: outcome.host):
        if outcome.error:
            yield outcome.host, outcome.error
    yield from sorted(report.checks.errors.items()) if report.checks else ()


def deploy_json(report: DeployReport) -> dict[str, Any]:
    return {
        "run": report.run,
        "confirmed": report.confirmed,
        "changed": report.changed,
        "plan": as_json(report.plan) if report.plan else None,
        "hosts": [
            {
                "host": outcome.host,
                "exit": int(outcome.exit),
                "changed": outcome.changed,
                "steps_done": outcome.done,
                "steps": len(outcome.plan.steps) if outcome.plan else 0,
                "seconds": round(outcome.seconds, 3),
            }
            for outcome in report.outcomes
        ],
        "checks": _checks_json(report),
    }


def _checks_json(report: DeployReport) -> dict[str, Any] | None:
    if report.checks is None:
        return None
    from opsctl.cli.views.verify import results_json

    return results_json(report.checks)


def deploy_errors(report: DeployReport) -> list[dict[str, Any]]:
    return [entry for host, error in _errors(report) for entry in error_entries(error, host)]


def _row(outcome: HostOutcome) -> tuple[Span, ...]:
    return Span(outcome.host), _verdict(outcome), Span(seconds(outcome.seconds), "dim"), Span(_what(outcome))


def _verdict(outcome: HostOutcome) -> Span:
    if outcome.error is None:
        return Span("done", "good") if outcome.changed else Span("unchanged", "good")
    if outcome.exit is Exit.FAILED:
        return Span("FAILED", "bad")
    words = {Exit.NO: "refused", Exit.INTERRUPTED: "stopped"}
    return Span(words.get(outcome.exit, "not done"), "bad")


def _what(outcome: HostOutcome) -> str:
    if outcome.plan is None or not outcome.plan.steps:
        return ""
    if outcome.error is None:
        return _summary(outcome.plan)
    return f"{outcome.done} of {count(len(outcome.plan.steps), 'step')} done"


def _summary(plan: HostPlan) -> str:
    counts = {verb: sum(step.verb == verb for step in plan.steps) for verb in _COUNTED}
    return ", ".join(f"{number} {_PAST[verb]}" for verb, number in counts.items() if number) or "files only"
