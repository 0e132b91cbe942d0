"""What a verify found: a row for each service, what failed below it in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Column, Span, Style, Table, line, without_empty
from opsctl.cli.views.figures import count
from opsctl.flows.verify import Checked, VerifyReport

_COLUMNS = (
    Column("service", least=12),
    Column("health"),
    Column("as planned"),
    Column("image"),
    Column("remarks", least=24, over="fold"),
)
_STYLES: dict[str, Style] = {"pass": "good", "fail": "bad", "inconclusive": "warn", "skip": "dim"}


def verify_view(report: VerifyReport, recorded: Sequence[str] = ()) -> Iterator[Block]:
    """`recorded` are the images whose entry in the lock now says that they were tried."""
    for host in dict.fromkeys(one.host for one in report.checks):
        yield line(Span(host, "strong"))
        yield without_empty(Table(_COLUMNS, tuple(_rows(report, host)), indent=2))
        for one in report.checks:
            if one.host == host and not one.service and one.result != "pass":
                yield line(Span(one.result, _STYLES[one.result]), f"  {one.message}", indent=2)
        yield BLANK
    yield line(f"{report.environment}: ", _verdict(report))
    if recorded:
        images = count(len(recorded), "image")
        yield line(
            Span("validated", "good"), f"  {images} for the first time with this digest (images.lock.yaml)"
        )


def _rows(report: VerifyReport, host: str) -> Iterator[tuple[Span, ...]]:
    found: dict[str, dict[str, Checked]] = {}
    for one in report.checks:
        if one.host == host and one.service:
            found.setdefault(one.service, {})[one.check] = one
    for service, checks in found.items():
        bad = any(one.result == "fail" for one in checks.values())
        cells = (
            Span(checks[name].result, _STYLES[checks[name].result]) for name in ("health", "drift", "image")
        )
        remarks = dict.fromkeys(
            one.message for one in checks.values() if one.result != "pass" and one.message
        )
        yield Span(service, "bad" if bad else ""), *cells, Span(", ".join(remarks), "warn" if bad else "dim")


def _verdict(report: VerifyReport) -> Span:
    services = {(one.host, one.service) for one in report.checks if one.service}
    failed = {(one.host, one.service) for one in report.checks if one.service and one.result == "fail"}
    pending = any(one.result == "fail" for one in report.checks if not one.service)
    unknown = {(one.host, one.service) for one in report.checks if one.result == "inconclusive"}
    what = f"{count(len(services), 'service')} checked"
    if failed:
        return Span(f"{what}, {len(failed)} not as {'it' if len(failed) == 1 else 'they'} should be", "bad")
    if pending:
        return Span(f"{what}, and a deploy would change something else", "bad")
    if unknown or report.errors:
        return Span(f"{what}, not all could be told", "warn")
    return Span(f"{what}, all as they should be", "good")


def verify_json(report: VerifyReport, recorded: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "environment": report.environment,
        "checks": [
            {
                "host": one.host,
                "service": one.service or None,
                "check": one.check,
                "result": one.result,
                "message": one.message or None,
            }
            for one in report.checks
        ],
        "validated": list(recorded),
    }
