"""Containers of checks that a look found: whose they are, and when they should have ended."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.checks.situations import NOW, container

from opsctl.checks.leftovers import of_other_runs, overdue
from opsctl.checks.short_lived import LIFE
from opsctl.checks.throwaway import LABEL, RUN_LABEL
from opsctl.state.observed import Observed


def made(name: str, run: str = "", **more: Any) -> Any:
    labels = {LABEL: "canary", **({RUN_LABEL: run} if run else {})}
    return container(name, labels=labels, **more)


def test_only_what_other_runs_made_is_theirs() -> None:
    ours, theirs, also, trial = made("a", "own"), made("b", "one"), made("c", "one"), made("d")
    look = Observed("web", containers=(container("api"), ours, theirs, also, trial), now=NOW)
    assert of_other_runs(look, "own") == {"one": [theirs, also]}


@pytest.mark.parametrize(
    "ages,late", [([LIFE + 61], True), ([LIFE + 59], False), ([LIFE + 61, 5], False), ([-3600], False)]
)
def test_they_are_overdue_when_the_last_of_them_should_be_gone(ages: list[float], late: bool) -> None:
    found = [made(str(age), "one", created=NOW - age) for age in ages]
    assert overdue(Observed("web", now=NOW), found) is late
