"""What is said of a secret at a moment: its age, its due date, and whether that is urgent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.model.secrets import Secret, Stage, Version
from opsctl.secrets.policy import Remark, span_in_words, standing

DAY = 86400.0
MADE = 1_795_435_200.0


def version(stage: Stage = "current", *, created: float = MADE) -> Version:
    return Version(stage=stage, created=created, by="anna")


def secret(**keys: Any) -> Secret:
    return Secret(**{"versions": {"v1": version()}, **keys})


def kinds(one: Secret, now: float) -> list[tuple[str, str]]:
    return [(remark.kind, remark.severity) for remark in standing(one, now).remarks]


def test_without_a_policy_a_value_only_ages() -> None:
    found = standing(secret(), MADE + 400 * DAY)
    assert (found.age, found.share, found.due, found.remarks) == (400 * DAY, None, None, ())
    assert not found.urgent


@pytest.mark.parametrize(
    "days, expected",
    [
        (71.9, []),
        (72, [("due soon", "warn")]),
        (89.9, [("due soon", "warn")]),
        (90, [("overdue", "high")]),
        (200, [("overdue", "high")]),
    ],
)
def test_from_four_fifths_of_its_term_a_value_is_due_soon_and_then_overdue(
    days: float, expected: list[tuple[str, str]]
) -> None:
    one = secret(rotate_every="90d")
    found = standing(one, MADE + days * DAY)
    assert kinds(one, MADE + days * DAY) == expected
    assert found.share == pytest.approx(days / 90)
    assert found.due == MADE + 90 * DAY
    assert found.urgent == (days >= 90)


def test_the_age_is_that_of_the_current_version_not_of_a_newer_failed_one() -> None:
    one = secret(versions={"v1": version(), "v2": version("failed", created=MADE + 5 * DAY)})
    found = standing(one, MADE + 6 * DAY)
    assert found.age == 6 * DAY
    assert found.remarks == (Remark("failed", "warn", "v2 failed; it is kept until a rotation succeeds"),)


@pytest.mark.parametrize(
    "days, expected",
    [
        (7, []),
        (8, [("expires soon", "warn")]),
        (9.9, [("expires soon", "warn")]),
        (10, [("expired", "high")]),
    ],
)
def test_what_expires_is_told_from_four_fifths_of_its_life(
    days: float, expected: list[tuple[str, str]]
) -> None:
    one = secret(expires=MADE + 10 * DAY)
    assert kinds(one, MADE + days * DAY) == expected
    assert standing(one, MADE + days * DAY).due == MADE + 10 * DAY


def test_of_two_terms_the_one_that_is_used_up_more_counts() -> None:
    one = secret(rotate_every="100d", expires=MADE + 20 * DAY)
    assert standing(one, MADE + 10 * DAY).share == pytest.approx(0.5)
    assert standing(one, MADE + 10 * DAY).due == MADE + 20 * DAY


def test_a_mark_makes_it_due_whatever_its_age_and_gives_its_reason() -> None:
    one = secret(rotate_every="90d", due=MADE + DAY, due_reason="ben left")
    (later,) = standing(one, MADE).remarks
    assert (later.severity, later.text) == ("warn", "marked due in 1d: ben left")
    (now,) = standing(one, MADE + DAY).remarks
    assert (now.severity, now.text) == ("high", "marked due: ben left")
    assert standing(one, MADE + DAY).due == MADE + DAY


def test_an_open_rotation_is_urgent_also_of_a_new_secret() -> None:
    one = Secret(versions={"v1": version("pending")})
    assert kinds(one, MADE + 60) == [("rotation open", "high")]
    assert standing(one, MADE + 60).age is None


def test_a_secret_without_a_value_is_urgent() -> None:
    assert kinds(Secret(), MADE) == [("no value", "high")]


def test_a_clock_that_went_back_makes_no_negative_age() -> None:
    assert standing(secret(rotate_every="90d"), MADE - DAY).age == 0


@given(st.floats(min_value=0, max_value=400 * DAY), st.integers(min_value=0, max_value=400))
def test_overdue_is_said_if_and_only_if_the_due_moment_has_come(age: float, days: int) -> None:
    one = secret(rotate_every=f"{days}d")
    found = standing(one, MADE + age)
    assert found.due is not None
    assert any(remark.kind == "overdue" for remark in found.remarks) == (MADE + age >= found.due)


@pytest.mark.parametrize(
    "seconds, text", [(0, "0s"), (-5, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (100 * DAY + 5, "100d")]
)
def test_spans_in_words(seconds: float, text: str) -> None:
    assert span_in_words(seconds) == text
