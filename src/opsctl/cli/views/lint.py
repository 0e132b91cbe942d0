"""What lint found, for people, scripts and code hosts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from opsctl import __version__
from opsctl.cli.views.blocks import BLANK, Block, Span, Style, line
from opsctl.cli.views.figures import count
from opsctl.model.fleet import Fleet
from opsctl.rules.engine import Finding, Report
from opsctl.rules.rule import Rule
from opsctl.state.desired import Desired

_STYLES: dict[str, Style] = {"error": "bad", "warning": "warn", "note": "dim"}
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_WIDTH = 92
_FOREIGN = "hardening"


def lint_view(report: Report, fleet: Fleet, desired: Desired) -> Iterator[Block]:
    for finding in report.findings:
        if finding.rule.theme != _FOREIGN or finding.hit.unknown:
            yield from _finding(finding)
    yield from _foreign(
        [one for one in report.findings if one.rule.theme == _FOREIGN and not one.hit.unknown]
    )
    if report.findings:
        yield BLANK
    yield from (line(Span("note", "warn"), f"  {note}") for note in fleet.notes)
    for rule, reason in report.skipped:
        yield line(Span(f"skipped  {rule.id}  {rule.title}: {reason}", "dim"))
    services = sum(len(host.services) for host in desired.hosts)
    what = (
        f"{desired.environment}: {count(services, 'service')} on {count(len(desired.hosts), 'host')}, files "
    )
    yield line(what, Span("fine", "good"), ", rules ", _verdict(report))


def _finding(finding: Finding) -> Iterator[Block]:
    rule, hit = finding.rule, finding.hit
    word = "unknown" if hit.unknown else rule.severity
    style: Style = _STYLES[rule.severity] if finding.stands else "dim"
    yield line(Span(f"{word:<7}", style), Span(f"  {rule.id}", "strong"), f"  {hit.place}")
    yield line(hit.message, indent=9)
    if finding.ignored:
        ignored = finding.ignored
        yield line(Span(f"suppressed until {ignored.until}: {ignored.reason}", "dim"), indent=9)
    elif hit.hint and rule.severity != "note":
        yield line(Span(f"hint: {hit.hint}", "change"), indent=9)


def _foreign(findings: Sequence[Finding]) -> Iterator[Block]:
    """One paragraph for each rule of another linter: they are about nearly every service."""
    by_rule: dict[tuple[str, bool], list[Finding]] = {}
    for one in findings:
        by_rule.setdefault((one.rule.id, one.stands), []).append(one)
    for (rule, stands), group in by_rule.items():
        severity = group[0].rule.severity
        services = ", ".join(dict.fromkeys(one.hit.service for one in group))
        files = ", ".join(dict.fromkeys(one.hit.place.file for one in group))
        style: Style = _STYLES[severity] if stands else "dim"
        yield line(Span(f"{severity:<7}", style), Span(f"  {rule}", "strong"), f"  {files}")
        yield line(f"{services}: {group[0].rule.title}", indent=9)
        if not stands:
            yield line(Span("suppressed", "dim"), indent=9)


def _verdict(report: Report) -> Span:
    standing = report.standing
    counts = {
        severity: sum(one.rule.severity == severity for one in standing)
        for severity in ("error", "warning", "note")
    }
    said = [count(number, severity) for severity, number in counts.items() if number]
    suppressed = len(report.findings) - len(standing)
    said += [f"{suppressed} suppressed"] if suppressed else []
    if not said:
        return Span("fine", "good")
    worst: Style = "bad" if counts["error"] else "warn" if counts["warning"] else "dim"
    return Span(", ".join(said), worst)


def lint_json(report: Report, fleet: Fleet) -> dict[str, Any]:
    return {
        "findings": [_finding_json(one) for one in report.findings],
        "skipped": [{"rule": rule.id, "reason": reason} for rule, reason in report.skipped],
        "notes": list(fleet.notes),
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    hit, ignored = finding.hit, finding.ignored
    return {
        "rule": finding.rule.id,
        "severity": finding.rule.severity,
        "file": hit.place.file,
        "line": hit.place.line,
        "service": hit.service or None,
        "host": hit.host or None,
        "message": hit.message,
        "hint": hit.hint or None,
        "unknown": hit.unknown,
        "suppressed": {"reason": ignored.reason, "until": ignored.until} if ignored else None,
    }


def explain_view(rules: Sequence[Rule]) -> Iterator[Block]:
    for rule in rules:
        if rule is not rules[0]:
            yield BLANK
        yield line(Span(rule.id, "strong"), f"  {rule.title}  ", Span(rule.severity, _STYLES[rule.severity]))
        for label, text in (("why", rule.why), ("mend", rule.mend), ("source", rule.source)):
            first, *rest = textwrap.wrap(text, _WIDTH - 8, break_on_hyphens=False)
            yield line(Span(f"{label:<8}", "dim"), first)
            yield from (line(one, indent=8) for one in rest)


def explain_json(rules: Sequence[Rule]) -> dict[str, Any]:
    keys = ("id", "theme", "severity", "title", "why", "mend", "source")
    return {"rules": [{key: getattr(rule, key) for key in keys} for rule in rules]}


def github_lines(report: Report) -> str:
    """Workflow commands of GitHub Actions; what is suppressed is left out."""
    kinds = {"error": "error", "warning": "warning", "note": "notice"}
    lines = []
    for one in report.standing:
        place = f"file={_property(one.hit.place.file)},line={max(one.hit.place.line, 1)},title={one.rule.id}"
        hint = f" ({one.hit.hint})" if one.hit.hint else ""
        lines.append(f"::{kinds[one.rule.severity]} {place}::{_data(one.hit.message + hint)}\n")
    return "".join(lines)


def _data(text: str) -> str:
    """As actions/toolkit escapes the text of a command (packages/core/src/command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def sarif(report: Report, rules: Sequence[Rule]) -> dict[str, Any]:
    """SARIF 2.1.0; suppressed findings carry their suppression, so that code scanning shows them closed."""
    return {
        "$schema": _SARIF,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "opsctl",
                        "version": __version__,
                        "rules": [_sarif_rule(one) for one in rules],
                    }
                },
                "results": [_sarif_result(one) for one in report.findings],
                "invocations": [{"executionSuccessful": not any(one.hit.unknown for one in report.standing)}],
            }
        ],
    }


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.mend}\n\nSource: {rule.source}"},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": [rule.theme]},
    }


def _sarif_result(finding: Finding) -> dict[str, Any]:
    hit = finding.hit
    location: dict[str, Any] = {"artifactLocation": {"uri": hit.place.file}}
    if hit.place.line:
        location["region"] = {"startLine": hit.place.line}
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "level": finding.rule.severity,
        "message": {"text": hit.message + (f"\n{hit.hint}" if hit.hint else "")},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"opsctl/v1": f"{hit.place.file}:{finding.rule.id}:{hit.service or hit.host}"},
    }
    if finding.ignored:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.ignored.reason}]
    return result
