"""What the doctor found, gravest first, with the command that mends it; and what could not be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Span, line
from opsctl.cli.views.figures import count
from opsctl.cli.views.secrets import Told, told_lines
from opsctl.flows.secrets_doctor import Finding, Report


def doctor_view(report: Report, environment: str, *, width: int | None) -> Iterator[Block]:
    told = [Told(one.severity, one.subject, one.text, one.hint) for one in report.findings]
    told += [Told("", one.subject, f"not checked: {one.text}", one.hint) for one in report.unchecked]
    yield from told_lines(told, width)
    if report.findings or report.unchecked:
        yield BLANK
    yield line(Span(f"looked at: {', '.join(report.checked) or 'nothing'}", "dim"))
    yield line(f"{environment}: ", *_verdict(report))


def _verdict(report: Report) -> tuple[Span, ...]:
    grave = sum(finding.severity == "high" for finding in report.findings)
    rest = len(report.findings) - grave
    spans = [Span(f"{count(grave, 'grave finding')}", "bad")] if grave else []
    if rest:
        spans += (
            [Span(", "), Span(count(rest, "remark"), "warn")]
            if spans
            else [Span(count(rest, "remark"), "warn")]
        )
    if report.unchecked:
        missing = Span(f"{count(len(report.unchecked), 'check')} not possible", "warn")
        spans += [Span(", "), missing] if spans else [missing]
    return tuple(spans) or (Span("all well", "good"),)


def doctor_json(report: Report) -> dict[str, Any]:
    return {
        "findings": [_finding(one) for one in report.findings],
        "unchecked": [
            {"subject": one.subject, "message": one.text, "hint": one.hint or None}
            for one in report.unchecked
        ],
        "checked": list(report.checked),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "subject": finding.subject,
        "kind": finding.kind,
        "message": finding.text,
        "hint": finding.hint or None,
    }
