"""Failures that are accepted: what is covered, what becomes of a verdict, and which waivers can go."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.checks.situations import check_of

from opsctl.checks.catalogue import CHECKS
from opsctl.checks.check import Case
from opsctl.checks.questions import Verdict, failed, passed, settled, skipped, unknown
from opsctl.checks.waivers import Placed, idle, judged
from opsctl.model.fleet import Place
from opsctl.model.waivers import Waiver

TODAY = "2026-11-26"
FIREWALL, OTHER = check_of(CHECKS, "V-HST-002"), check_of(CHECKS, "V-HST-001")


def waiver(until: str = "2027-01-31", service: str = "", **more: Any) -> Placed:
    known = {"check": "V-HST-002", "reason": "the provider filters", "until": until}
    return Placed("web", service, Waiver(**{**known, **more}), Place("hosts.toml", 7))


def case(host: str = "web", service: str = "", subject: str = "") -> Case:
    return Case(host, service, lambda: settled(passed()), subject)


def test_it_covers_one_check_of_one_service_or_host_and_one_subject_where_it_says_so() -> None:
    assert waiver().covers(FIREWALL, case())
    assert waiver().covers(FIREWALL, case(subject="v6"))
    assert not waiver().covers(OTHER, case())
    assert not waiver().covers(FIREWALL, case("vpn"))
    assert not waiver().covers(FIREWALL, case(service="api"))
    assert not waiver(service="api").covers(FIREWALL, case())
    assert waiver(subject="v6").covers(FIREWALL, case(subject="v6"))
    assert not waiver(subject="v6").covers(FIREWALL, case())


def test_a_failure_is_waived_and_tells_what_was_found_why_and_until_when() -> None:
    found = failed("no rule drops", expected="a", observed="b")
    verdict, by = judged(found, [waiver()], TODAY)
    said = "no rule drops; waived until 2027-01-31: the provider filters"
    assert verdict == Verdict("waived", said, "a", "b")
    assert by == waiver().waiver


def test_it_holds_on_its_last_day_and_not_on_the_next() -> None:
    found = failed("no rule drops")
    assert judged(found, [waiver(until=TODAY)], TODAY)[0].result == "waived"
    verdict, by = judged(found, [waiver(until="2026-11-25")], TODAY)
    said = "no rule drops; its waiver ended on 2026-11-25 (the provider filters)"
    assert verdict == failed(said)
    assert by is not None


def test_the_one_that_holds_longest_counts() -> None:
    both = [waiver(until="2026-11-01"), waiver(until="2026-12-01", reason="a longer one")]
    assert judged(failed("no"), both, TODAY)[0].message == "no; waived until 2026-12-01: a longer one"


@pytest.mark.parametrize("verdict", [unknown("nft is not on the host"), passed("8 rules"), skipped("held")])
def test_only_a_failure_is_waived(verdict: Verdict) -> None:
    assert judged(verdict, [waiver()], TODAY) == (verdict, None)


def test_without_one_a_failure_is_a_failure() -> None:
    assert judged(failed("no"), [], TODAY) == (failed("no"), None)


@pytest.mark.parametrize(
    "verdict,until,state",
    [
        (passed(), "2027-01-31", "passes"),
        (failed("no"), "2027-01-31", None),
        (unknown("no"), "2027-01-31", None),
        (skipped("no"), "2027-01-31", None),
        (passed(), "2026-11-25", "ended"),
        (failed("no"), "2026-11-25", "ended"),
        (None, "2027-01-31", "nothing"),
    ],
)
def test_which_can_be_taken_out(verdict: Verdict | None, until: str, state: str | None) -> None:
    asked = [(OTHER, case(), passed())] + ([(FIREWALL, case(), verdict)] if verdict else [])
    found = idle([waiver(until)], asked, TODAY, known=frozenset({"V-HST-001", "V-HST-002"}))
    assert [one.state for one in found] == ([state] if state else [])


def test_one_of_several_that_fails_keeps_it() -> None:
    asked = [(FIREWALL, case(subject="v4"), passed()), (FIREWALL, case(subject="v6"), failed("no"))]
    assert idle([waiver()], asked, TODAY, known=frozenset({"V-HST-002"})) == ()


def test_of_a_check_that_this_run_does_not_ask_nothing_is_said() -> None:
    assert idle([waiver()], [], TODAY, known=frozenset({"V-HST-001"})) == ()
