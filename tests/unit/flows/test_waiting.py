"""What a look at a waited-for container means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsctl.flows.containers import Present, described
from opsctl.flows.waiting import judge_health, judge_job, judge_settling

UP = Present("a", "running", "healthy", 0, oom_killed=False, restart_count=0, started_at=1.0, has_health=True)
PLAIN = replace(UP, health="", has_health=False)


@pytest.mark.parametrize(
    "now, reached, failure",
    [
        (UP, True, ""),
        (replace(UP, health="starting"), False, ""),
        (replace(UP, health="unhealthy"), False, "is unhealthy"),
        (replace(UP, state="exited", health="unhealthy"), False, "stopped again"),
        (replace(UP, state="restarting", health=""), False, ""),
        (replace(UP, state="created", health=""), False, ""),
        (PLAIN, True, ""),
        (replace(UP, health="", has_health=True), False, ""),
    ],
)
def test_health(now: Present, reached: bool, failure: str) -> None:
    verdict = judge_health(now)
    assert (verdict.reached, verdict.failure) == (reached, failure)


@pytest.mark.parametrize(
    "now, steady, reached, failure, left",
    [
        (PLAIN, 5.0, True, "", 0.0),
        (PLAIN, 4.5, False, "", 0.5),
        (replace(PLAIN, state="restarting"), 9.0, False, "", float("inf")),
        (replace(PLAIN, state="exited"), 9.0, False, "stopped again", float("inf")),
    ],
)
def test_settling(now: Present, steady: float, reached: bool, failure: str, left: float) -> None:
    verdict = judge_settling(now, steady, 5.0)
    assert (verdict.reached, verdict.failure, verdict.left) == (reached, failure, left)


@pytest.mark.parametrize(
    "now, reached, failure",
    [
        (PLAIN, False, ""),
        (replace(PLAIN, state="exited"), True, ""),
        (replace(PLAIN, state="exited", exit_code=3), False, "failed"),
        (replace(PLAIN, state="dead"), False, "failed"),
    ],
)
def test_job(now: Present, reached: bool, failure: str) -> None:
    verdict = judge_job(now)
    assert (verdict.reached, verdict.failure) == (reached, failure)


def test_in_words() -> None:
    assert described(UP) == "running, healthy"
    gone = replace(PLAIN, state="exited", exit_code=137, oom_killed=True, restart_count=2)
    assert described(gone) == "exited 137, out of memory, restarted 2 times"
