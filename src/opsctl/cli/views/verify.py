"""What a verify found: a row for each service, and below it each check that did not pass, with the way to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from opsctl.checks.check import SEVERITIES
from opsctl.checks.leftovers import Leftover
from opsctl.checks.questions import Result
from opsctl.checks.waivers import Idle, State
from opsctl.cli.views.blocks import (
    BLANK,
    Block,
    Column,
    Line,
    Span,
    Style,
    Table,
    folded,
    line,
    without_empty,
)
from opsctl.cli.views.figures import count, seconds
from opsctl.flows.checking.report import VerifyReport
from opsctl.flows.checking.running import Outcome

RESULT_STYLES: dict[Result, Style] = {
    "pass": "good",
    "fail": "bad",
    "waived": "warn",
    "inconclusive": "warn",
    "unproved": "warn",
    "skip": "dim",
}
_WORST_FIRST: tuple[Result, ...] = ("fail", "inconclusive", "waived", "unproved", "skip", "pass")
_LOUD: frozenset[Result] = frozenset({"fail", "inconclusive"})
_SHOWN: frozenset[Result] = _LOUD | {"waived"}
_COLUMNS: tuple[Result, ...] = ("pass", "fail", "waived", "inconclusive", "unproved", "skip")
_ROWS = (Column("service", least=12), *(Column(one, align="right") for one in _COLUMNS))
_FINDINGS = (
    Column(),
    Column("check"),
    Column("host"),
    Column("about", least=12),
    Column("found", least=24, over="fold"),
    Column("time", align="right", optional=True),
)


def verify_view(
    report: VerifyReport, recorded: Sequence[str] = (), *, show_all: bool = False
) -> Iterator[Block]:
    """`recorded` are the images whose entry in the lock now says that they were tried."""
    for host in sorted({one.host for one in report.outcomes}):
        yield line(Span(host, "strong"))
        yield without_empty(Table(_ROWS, tuple(_rows(report, host)), indent=2))
        yield BLANK
    yield from _findings([one for one in report.outcomes if show_all or one.verdict.result in _SHOWN])
    yield from _idle_waivers(report)
    yield from leftover_lines(report)
    yield verdict_line(report)
    if recorded:
        images = count(len(recorded), "image")
        yield line(
            Span("validated", "good"), f"  {images} for the first time with this digest (images.lock.yaml)"
        )


def verdict_line(report: VerifyReport) -> Line:
    """How many were asked, and the worst that was found."""
    return line(f"{report.environment}: ", _verdict(report), Span(f"  {seconds(report.seconds)}", "dim"))


def after_deploy_view(report: VerifyReport) -> Iterator[Block]:
    """A line where all passed; what did not pass, and how to mend it, comes before it."""
    yield from _findings([one for one in report.outcomes if one.verdict.result in _LOUD])
    yield from leftover_lines(report)
    yield line("then asked ", _verdict(report), Span(f"  {seconds(report.seconds)}", "dim"))


_IDLE: dict[State, str] = {
    "ended": "its last day is over",
    "passes": "it passes",
    "nothing": "there is nothing that it could be about",
}


def _idle_waivers(report: VerifyReport) -> Iterator[Line]:
    for one in report.waivers:
        placed, waiver = one.placed, one.placed.waiver
        about = " ".join(filter(None, (placed.service, waiver.subject)))
        where = f"{about} on {placed.host}" if about else placed.host
        told = f"  of {waiver.check} for {where}: {_IDLE[one.state]}; take it out ({placed.place})"
        yield line(Span("waiver", "warn"), told)


def leftover_lines(report: VerifyReport) -> Iterator[Line]:
    """What dead runs had left on hosts. What a run uses that is alive is its own affair."""
    for one in report.leftovers:
        if one.fate != "used":
            word = Span("removed", "good") if one.fate == "removed" else Span("left over", "warn")
            yield line(word, f"  {one.name} on {one.host}: {_left(one)}")


def _left(one: Leftover) -> str:
    if one.fate == "removed":
        return "a run that was killed had left it"
    if one.fate == "unclaimed":
        return "nobody can tell whether the run that made it is alive; it ends by itself within ten minutes"
    return f"it was not removed: {one.reason}"


def _findings(shown: Sequence[Outcome]) -> Iterator[Block]:
    if shown:
        yield Table(_FINDINGS, tuple(map(_finding, sorted(shown, key=_order))))
        yield BLANK
        yield from _mending(shown)


def _rows(report: VerifyReport, host: str) -> Iterator[tuple[Span, ...]]:
    found: dict[str, Counter[Result]] = {}
    for one in report.outcomes:
        if one.host == host:
            found.setdefault(one.service, Counter())[one.verdict.result] += 1
    for service in sorted(found, key=lambda name: (not name, name)):
        results = found[service]
        bad = any(results[result] for result in _LOUD)
        cells = [
            Span(str(results[kind]), RESULT_STYLES[kind]) if results[kind] else Span("") for kind in _COLUMNS
        ]
        yield Span(service or "the host", "bad" if bad else "" if service else "dim"), *cells


def _order(one: Outcome) -> tuple[int, int, str, str, str, str]:
    severity = -SEVERITIES.index(one.check.severity)
    return (
        _WORST_FIRST.index(one.verdict.result),
        severity,
        one.host,
        one.service,
        one.check.id,
        one.case.subject,
    )


def _finding(one: Outcome) -> tuple[Span, ...]:
    verdict = one.verdict
    compared = [
        f"{word} {value}"
        for word, value in (("expected", verdict.expected), ("found", verdict.observed))
        if value
    ]
    return (
        Span(verdict.result, RESULT_STYLES[verdict.result]),
        Span(one.check.id),
        Span(one.host),
        Span(" ".join(filter(None, (one.service, one.case.subject)))),
        Span("; ".join(filter(None, (verdict.message, *compared)))),
        Span(seconds(one.seconds), "dim"),
    )


def _mending(shown: Sequence[Outcome]) -> Iterator[Block]:
    failed = {(one.check.id, one.check.mend): one.check for one in shown if one.verdict.result == "fail"}
    for check in (failed[name] for name in sorted(failed)):
        yield folded(f"{check.id}  {check.title}: ", Span(check.mend, "dim"), hang=len(check.id) + 2)
    if failed:
        yield BLANK


def _verdict(report: VerifyReport) -> Span:
    results = Counter(one.verdict.result for one in report.outcomes)
    asked = len(report.outcomes) - results["skip"]
    what = count(asked, "check")
    accepted = f"{results['waived']} waived"
    if results["fail"]:
        more = f", {accepted}" if results["waived"] else ""
        return Span(f"{what}, {results['fail']} failed{more}", "bad")
    if results["inconclusive"] or report.errors:
        return Span(f"{what}, not all could be told", "warn")
    but = [accepted] if results["waived"] else []
    but += [f"{results['unproved']} that a stand-in answered"] if results["unproved"] else []
    if but:
        return Span(f"{what}, all passed but {' and '.join(but)}", "warn")
    return Span(f"{what}, all passed", "good")


def verify_json(report: VerifyReport, recorded: Sequence[str] = ()) -> dict[str, Any]:
    return {"environment": report.environment, **results_json(report), "validated": list(recorded)}


def results_json(report: VerifyReport) -> dict[str, Any]:
    return {
        "seconds": round(report.seconds, 3),
        "results": [_as_json(one) for one in report.outcomes],
        "leftovers": [
            {"host": one.host, "container": one.name, "fate": one.fate, "reason": one.reason or None}
            for one in report.leftovers
        ],
        "waivers": [_waiver_json(one) for one in report.waivers],
    }


def _as_json(one: Outcome) -> dict[str, Any]:
    verdict = one.verdict
    return {
        "check": one.check.id,
        "title": one.check.title,
        "severity": one.check.severity,
        "tags": sorted(one.check.tags),
        "host": one.host,
        "service": one.service or None,
        "subject": one.case.subject or None,
        "result": verdict.result,
        "message": verdict.message or None,
        "expected": verdict.expected or None,
        "observed": verdict.observed or None,
        "seconds": round(one.seconds, 3),
        "attempts": one.attempts,
        "waiver": {"reason": one.waiver.reason, "until": one.waiver.until} if one.waiver else None,
    }


def _waiver_json(one: Idle) -> dict[str, Any]:
    placed, waiver = one.placed, one.placed.waiver
    return {
        "check": waiver.check,
        "host": placed.host,
        "service": placed.service or None,
        "subject": waiver.subject or None,
        "until": waiver.until,
        "reason": waiver.reason,
        "state": one.state,
        "place": str(placed.place),
    }
