"""What a verify found as metrics, in the text format that node_exporter's textfile collector reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from opsctl.checks.questions import Result
from opsctl.flows.checking.report import VerifyReport
from opsctl.flows.checking.running import Outcome

_VALUES: Mapping[Result, int] = {"pass": 1, "fail": 0, "inconclusive": -1, "unproved": -1}
"""A skipped check has none: there was nothing to tell. A waived one has a metric of its own."""
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def prometheus(report: VerifyReport, now: float) -> str:
    """`now` in seconds since the epoch, the end of the run."""
    return "".join(f"{line}\n" for line in _lines(report, now))


def _lines(report: VerifyReport, now: float) -> Iterator[str]:
    worst: dict[str, Outcome] = {}
    for one in report.outcomes:
        labels = _labels(report, one)
        known = worst.get(labels)
        if one.verdict.result in _VALUES and (known is None or _value(one) < _value(known)):
            worst[labels] = one  # twice the same series, and the collector takes nothing of the file
    yield from _metric("opsctl_check_result", "1 passed, 0 failed, -1 nobody could tell. Skipped: absent.")
    yield from (f"opsctl_check_result{{{labels}}} {_value(one)}" for labels, one in worst.items())
    yield from _waived(report)
    yield from _metric("opsctl_check_seconds", "How long the check took, with every attempt at it.")
    yield from (f"opsctl_check_seconds{{{labels}}} {one.seconds:.3f}" for labels, one in worst.items())
    yield from _metric("opsctl_verify_host_looked_at", "0 where the host could not be looked at.")
    hosts = {one.host for one in report.outcomes} | report.errors.keys()
    for host in sorted(hosts):
        labels = _pairs(environment=report.environment, host=host)
        yield f"opsctl_verify_host_looked_at{{{labels}}} {int(host not in report.errors)}"
    environment = _pairs(environment=report.environment)
    yield from _metric("opsctl_verify_seconds", "How long the last run took.")
    yield f"opsctl_verify_seconds{{{environment}}} {report.seconds:.3f}"
    yield from _metric("opsctl_verify_last_run_timestamp_seconds", "When the last run ended.")
    yield f"opsctl_verify_last_run_timestamp_seconds{{{environment}}} {int(now)}"


def _waived(report: VerifyReport) -> Iterator[str]:
    name = "opsctl_check_waived_until_timestamp_seconds"
    found: dict[str, float] = {}
    for one in report.outcomes:
        if one.verdict.result == "waived" and one.waiver:
            labels = ",".join((_labels(report, one), _pairs(reason=one.waiver.reason)))
            day = datetime.fromisoformat(one.waiver.until).replace(tzinfo=UTC) + timedelta(days=1)
            found[labels] = day.timestamp()
    if found:
        yield from _metric(
            name, "It failed, and that is accepted for this reason to the end of that day (UTC)."
        )
    yield from (f"{name}{{{labels}}} {end:.0f}" for labels, end in found.items())


def _value(one: Outcome) -> int:
    return _VALUES[one.verdict.result]


def _labels(report: VerifyReport, one: Outcome) -> str:
    return _pairs(
        environment=report.environment,
        host=one.host,
        service=one.service,
        check=one.check.id,
        subject=one.case.subject,
        severity=one.check.severity,
    )


def _pairs(**labels: str) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())


def _metric(name: str, told: str) -> Iterator[str]:
    yield f"# HELP {name} {told}"
    yield f"# TYPE {name} gauge"
