"""What a verify found as JUnit XML, as CI systems read it (Jenkins, GitLab, GitHub's reporters): a suite for each host."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from opsctl.flows.checking.report import VerifyReport
from opsctl.flows.checking.running import Outcome

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped (2.2, Char)."""
_ELEMENTS: Mapping[str, str] = {
    "fail": "failure",
    "waived": "skipped",
    "inconclusive": "error",
    "skip": "skipped",
    "unproved": "skipped",
}
_COUNTED = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))


def junit(report: VerifyReport, now: float) -> str:
    """`now` in seconds since the epoch. A fail is a failure; an inconclusive check, and a host that could not be looked at, an
    error; what was skipped, waived or only answered by a stand-in is skipped.
    """
    root = ET.Element("testsuites", name=f"opsctl verify {report.environment}")
    for host in sorted({one.host for one in report.outcomes} | report.errors.keys()):
        outcomes = [one for one in report.outcomes if one.host == host]
        suite = ET.SubElement(root, "testsuite", name=host, hostname=host)
        suite.set("timestamp", datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        suite.extend(_case(one) for one in outcomes)
        if host in report.errors:
            message = report.errors[host].message
            suite.append(_testcase(host, "the host can be looked at", 0.0, "error", (message,)))
        _count(suite, sum(one.seconds for one in outcomes))
    _count(root, report.seconds)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(one: Outcome) -> ET.Element:
    name = f"{one.check.id} {one.check.title}" + (f" ({one.case.subject})" if one.case.subject else "")
    verdict = one.verdict
    lines = [verdict.message]
    lines += [f"expected: {verdict.expected}"] if verdict.expected else []
    lines += [f"found: {verdict.observed}"] if verdict.observed else []
    if verdict.result == "fail":
        lines.append(f"to mend it: {one.check.mend}")
    place = ".".join(filter(None, (one.host, one.service)))
    kind = one.check.severity if verdict.result == "fail" else ""
    return _testcase(place, name, one.seconds, _ELEMENTS.get(verdict.result, ""), lines, kind=kind)


def _testcase(
    place: str, name: str, seconds: float, element: str, lines: Sequence[str], *, kind: str = ""
) -> ET.Element:
    case = ET.Element("testcase", classname=_clean(place), name=_clean(name), time=f"{seconds:.3f}")
    if element:
        told = ET.SubElement(case, element, message=_clean(lines[0]))
        if kind:
            told.set("type", kind)
        if lines[1:]:
            told.text = _clean("\n".join(lines))
    return case


def _count(element: ET.Element, seconds: float) -> None:
    element.set("tests", str(sum(1 for _ in element.iter("testcase"))))
    for attribute, name in _COUNTED:
        element.set(attribute, str(sum(1 for _ in element.iter(name))))
    element.set("time", f"{seconds:.3f}")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
