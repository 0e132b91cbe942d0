"""Everything that explains one service, the likeliest reason first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opsctl.cli.views.audit import audit_table, entry_json
from opsctl.cli.views.blocks import BLANK, Block, Span, line
from opsctl.cli.views.figures import age, percent, size
from opsctl.cli.views.status import service_json, state_span
from opsctl.flows.why import WhyReport


def why_view(report: WhyReport, now: float) -> Iterator[Block]:
    """`now` is seconds since the epoch."""
    status = report.status
    yield line(Span(f"{status.service} on {report.host}: ", "strong"), state_span(status))
    yield from (line(text, indent=2) for text in _facts(report, now))
    yield from _section("health probes, newest last", report.health_log)
    yield from _section("last lines", report.logs)
    yield BLANK
    if report.changes:
        yield line(Span("changes of the last 24 h", "strong"))
        yield audit_table(report.changes, indent=2)
    else:
        yield line(Span("nothing was changed on this host in the last 24 h", "dim"))


def _facts(report: WhyReport, now: float) -> Iterator[str]:
    status = report.status
    if report.fell_first:
        yield f"fell first: {report.fell_first}"
    if report.oom_killed:
        limit = f" (limit {size(status.memory_limit)})" if status.memory_limit else ""
        yield f"killed for want of memory{limit}"
    if status.exit_code is not None and status.state != "running":
        ended = f", {age(now - report.finished_at)} ago" if report.finished_at else ""
        yield f"ended with code {status.exit_code}{ended}"
    if status.uptime is not None:
        yield f"running for {age(status.uptime)}"
    if status.restarts:
        yield f"restarted {status.restarts} times by the engine"
    if status.memory_used is not None and status.memory_limit:
        share = percent(status.memory_used / status.memory_limit)
        yield f"memory {size(status.memory_used)}, {share} of its limit of {size(status.memory_limit)}"
    if status.drift:
        yield f"a deploy would touch it: {status.drift}"


def _section(title: str, texts: Sequence[str]) -> Iterator[Block]:
    if not texts:
        return
    yield BLANK
    yield line(Span(title, "strong"))
    for text in texts:
        shown = text.rstrip() or "(printed nothing)"
        yield from (line(Span("  | ", "dim"), one) for one in shown.split("\n"))


def why_json(report: WhyReport) -> dict[str, Any]:
    return {
        "host": report.host,
        "status": service_json(report.status),
        "oom_killed": report.oom_killed,
        "finished_at": report.finished_at,
        "fell_first": report.fell_first or None,
        "health_log": list(report.health_log),
        "logs": list(report.logs),
        "changes": [entry_json(entry) for entry in report.changes],
    }
