"""Which steps between versions are taken, and what is told of them."""

from __future__ import annotations

import pytest
from tests.unit.checks.situations import container, service, situation

from opsctl.apps.headscale.app import HEADSCALE
from opsctl.apps.postgresql.server import version_of
from opsctl.checks.gates import Crossing, Gate, Upgrade, goes_back, hazards, lost, refusal
from opsctl.images.versions import numbers

NOW = next(iter(situation(service("api"), containers=[container("api")]).services()))


def crossing(old: str, new: str) -> Crossing:
    return Crossing(NOW, old, new, numbers(old), numbers(new))


@pytest.mark.parametrize(
    "gate,old,new,refused",
    [
        (Gate("s"), "1.2.3", "9.0.0", False),
        (Gate("s"), "1.2.3", "1.2.2", True),
        (Gate("s", returns="always"), "1.2.3", "1.2.2", False),
        (Gate("s", returns="patch"), "1.2.3", "1.2.2", False),
        (Gate("s", returns="patch"), "1.2.0", "1.1.9", True),
        (Gate("s", returns="patch", since=(1, 2, 2)), "1.2.3", "1.2.2", False),
        (Gate("s", returns="patch", since=(1, 2, 2)), "1.2.3", "1.2.1", True),
        (Gate("s", stays="major", returns="always"), "17.4", "17.3", False),
        (Gate("s", stays="major", returns="always"), "18.1", "17.9", True),
        (Gate("s"), "latest", "1.2.2", False),
        (Gate("s", stays="major"), "17.4-bookworm", "17.6-trixie", False),
        (Gate("s", stays="major"), "17.4-bookworm", "18.1-bookworm", True),
        (Gate("s", steps="minor"), "0.27.1", "0.28.0", False),
        (Gate("s", steps="minor"), "0.27.1", "0.27.2", False),
        (Gate("s", steps="minor"), "0.27.1", "0.29.0", True),
        (Gate("s", steps="minor"), "v1.18.1", "v1.19.0", False),
        (Gate("s", steps="minor"), "v1.18.1", "v2.0.0", True),
    ],
)
def test_steps(gate: Gate, old: str, new: str, refused: bool) -> None:
    assert bool(refusal(crossing(old, new), gate)) is refused


@pytest.mark.parametrize(
    "old,new,refused",
    [
        ("0.29.3", "0.29.1", False),
        ("v0.29.3", "v0.29.0", False),
        ("0.30.0", "0.29.3", True),
        ("0.28.1", "0.28.0", True),
        ("0.28.1", "0.29.0", False),
    ],
)
def test_headscale_goes_back_within_a_minor_version_that_says_so(old: str, new: str, refused: bool) -> None:
    assert HEADSCALE.gate
    assert bool(refusal(crossing(old, new), HEADSCALE.gate)) is refused


@pytest.mark.parametrize(
    "gate,old,new,back",
    [
        (Gate("s"), "1.2.2", "1.2.3", False),
        (Gate("s", returns="always"), "1.2.2", "2.0.0", True),
        (Gate("s", returns="always"), "latest", "2.0.0", True),
        (Gate("s", returns="patch"), "1.2.2", "1.2.3", True),
        (Gate("s", returns="patch"), "1.1.9", "1.2.0", False),
        (Gate("s", returns="patch"), "latest", "1.2.0", False),
        (Gate("s", returns="patch", since=(1, 2)), "1.1.1", "1.1.2", False),
    ],
)
def test_who_opens_what_a_newer_one_left(gate: Gate, old: str, new: str, back: bool) -> None:
    assert goes_back(gate, numbers(old), numbers(new)) is back


def test_a_refusal_says_what_to_do_instead() -> None:
    assert refusal(crossing("0.27.1", "0.29.0"), Gate("docs", steps="minor")) == (
        "api: 0.27.1 -> 0.29.0: one minor version at a time; deploy 0.28 first (docs)"
    )
    assert "dump it, start 18 on a volume of its own" in refusal(
        crossing("17.4", "18.1"), Gate("docs", stays="major")
    )
    assert "put back a copy of its data first" in refusal(crossing("2.0", "1.0"), Gate("docs"))


KNOWN = (Upgrade("0.26.0", "b"), Upgrade("0.24.0", "a"), Upgrade("0.29.0", "d"), Upgrade("0.28.0", "c"))


@pytest.mark.parametrize(
    "old,new,told",
    [
        ("0.23.0", "0.28.0", ["a", "b", "c"]),
        ("0.24.0", "0.26.1", ["b"]),
        ("0.28.0", "0.28.1", []),
        ("0.29.0", "0.24.0", []),
        ("main", "0.29.0", []),
    ],
)
def test_what_is_to_be_known_of_versions_that_are_crossed(old: str, new: str, told: list[str]) -> None:
    found = hazards(crossing(old, new), KNOWN, numbers)
    assert [text.rpartition(": ")[2] for text in found] == told


def test_what_a_roster_lost() -> None:
    assert lost(frozenset({"telegram", "web"}), frozenset({"web", "new"})) == ["telegram"]
    assert lost(frozenset(), frozenset({"web"})) == []


@pytest.mark.parametrize(
    "tag,version",
    [
        ("18.1-bookworm", (18, 1)),
        ("18", (18,)),
        ("0.8.0-pg17", (17,)),
        ("pg16", (16,)),
        ("latest", None),
    ],
)
def test_the_version_of_a_postgresql(tag: str, version: tuple[int, ...] | None) -> None:
    assert version_of(tag) == version
