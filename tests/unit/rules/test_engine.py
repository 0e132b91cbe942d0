"""Suppressions: they cover what they say until their end, stay visible, and are found when they are over or of no use."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.rules.test_rules import FINE, project, report

from opsctl.apps.catalogue import all_rules
from opsctl.errors import Exit, InputError
from opsctl.model.fleet import Place
from opsctl.model.stack import Ignore
from opsctl.rules.engine import Finding, Report
from opsctl.rules.rule import Hit, Rule

SOCKET = "volumes: [/var/run/docker.sock:/var/run/docker.sock]\n"


def suppressed(rule: str = "DKR001", until: str = "2027-01-31", reason: str = "the proxy needs it") -> str:
    return f'lint:\n  ignore:\n    - {{rule: {rule}, reason: {reason}, until: "{until}"}}\n'


def of(found: Report, rule: str) -> list[Finding]:
    return [one for one in found.findings if one.rule.id == rule]


def test_a_suppressed_finding_is_shown_and_refuses_nothing(tmp_path: Path) -> None:
    root = project(tmp_path, FINE + SOCKET + suppressed())
    (one,) = of(found := report(root), "DKR001")
    assert one.ignored
    assert one.ignored.reason == "the proxy needs it"
    assert not one.refuses
    assert found.exit(strict=True) is Exit.YES


def test_after_its_end_it_counts_again_and_the_suppression_is_a_finding(tmp_path: Path) -> None:
    root = project(tmp_path, FINE + SOCKET + suppressed(until="2026-11-25"))
    found = report(root)
    assert of(found, "DKR001")[0].refuses
    assert "ended on 2026-11-25" in of(found, "LNT001")[0].hit.message
    assert found.exit(strict=False) is Exit.NO
    assert of(report(root, today="2026-11-25"), "LNT001") == []


@pytest.mark.parametrize(
    "rule,message",
    [
        ("DKR001", "nothing to suppress for DKR001"),
        ("DKR999", "there is no rule DKR999"),
        ("LNT001", "there is no rule LNT001"),
    ],
)
def test_one_that_is_of_no_use_is_found_at_its_line(rule: str, message: str, tmp_path: Path) -> None:
    (one,) = of(report(project(tmp_path, FINE + suppressed(rule))), "LNT001")
    assert message in one.hit.message
    assert str(one.hit.place) == "stacks/apps.yml:8"


def test_one_for_a_rule_that_was_skipped_is_not_called_unused(tmp_path: Path) -> None:
    assert of(report(project(tmp_path, FINE + suppressed("SEC003"))), "LNT001") == []


def test_a_rule_of_any_app_can_be_suppressed() -> None:
    for one in all_rules():
        Ignore.model_validate({"rule": one.id, "reason": "known to us", "until": "2027-01-31"})


def test_it_covers_its_own_service_alone(tmp_path: Path) -> None:
    found = report(project(tmp_path, FINE + SOCKET + suppressed(), other=FINE + SOCKET))
    assert [(one.hit.service, one.stands) for one in of(found, "DKR001")] == [("other", True), ("app", False)]


@pytest.mark.parametrize(
    "text,message",
    [
        (suppressed(reason="why"), "reason"),
        (suppressed(until="soon"), "'soon' is not a date"),
        (suppressed(rule="nonsense"), "rule"),
    ],
)
def test_a_suppression_without_a_reason_or_an_end_is_a_problem(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        report(project(tmp_path, FINE + text))


def rule(severity: str) -> Rule:
    return Rule("XXX001", "lint", severity, "t", "w", "m", "s", lambda _subject: iter(()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "severity,unknown,lenient,strict",
    [
        ("error", False, Exit.NO, Exit.NO),
        ("warning", False, Exit.YES, Exit.NO),
        ("note", False, Exit.YES, Exit.NO),
        ("error", True, Exit.COULD_NOT_FIND_OUT, Exit.COULD_NOT_FIND_OUT),
    ],
)
def test_exit_codes(severity: str, unknown: bool, lenient: Exit, strict: Exit) -> None:
    found = Report("prod", (Finding(rule(severity), Hit(Place("a", 1), "x", unknown=unknown)),))
    assert (found.exit(strict=False), found.exit(strict=True)) == (lenient, strict)
