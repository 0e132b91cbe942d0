"""Memory, disks, clock, versions and limits: what was told, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.unit.checks.answers import hold, nobody, printed
from tests.unit.checks.situations import cases_of, check_of, container, inspected, service, situation

from opsctl.argv.compose import CHECK_VERSION
from opsctl.checks.catalogue import CHECKS
from opsctl.checks.clocks import beyond
from opsctl.checks.questions import EngineGet, OnHost, OwnTime, Pause, Question, Ran, UnansweredError, Verdict
from opsctl.checks.situation import Situation
from opsctl.model.requirements import OLDEST_COMPOSE, at_least
from opsctl.state.observed import Resources

GIB = 2**30


def ask(identity: str, answer: Any, about: Situation | None = None) -> Verdict:
    about = about or situation(service("api"), containers=[container("api")])
    (case,) = cases_of(check_of(CHECKS, identity), about)
    return hold(case.talk(), answer)[0]


def in_turn(*answers: Ran) -> Any:
    left = iter(answers)
    return lambda question: None if isinstance(question, Pause) else next(left)


@pytest.mark.parametrize("available,result", [(4, "pass"), (1.6, "pass"), (1.59, "fail"), (0, "fail")])
def test_memory_that_is_available(available: float, result: str) -> None:
    seen = Resources(memory_total=8 * GIB, memory_available=int(available * GIB) + 1)
    assert ask("V-MEM-001", nobody, situation(resources=seen)).result == result


def test_memory_that_nobody_told() -> None:
    assert ask("V-MEM-001", nobody, situation()).result == "inconclusive"


def swap(total: int = 1000, free: int = 900, into: int = 0, out: int = 0) -> Ran:
    return printed(f"SwapTotal {total}", f"SwapFree {free}", f"pswpin {into}", f"pswpout {out}")


@pytest.mark.parametrize(
    "before,after,result",
    [
        (swap(), swap(), "pass"),
        (swap(total=0, free=0), swap(), "skip"),
        (swap(into=9_000, out=9_000), swap(into=9_500, out=9_000), "pass"),
        (swap(into=9_000), swap(into=9_600), "fail"),
        (swap(out=9_000), swap(out=9_600), "fail"),
        (swap(), swap(free=101), "pass"),
        (swap(), swap(free=99), "fail"),
        (swap(), printed("SwapTotal 1000"), "inconclusive"),
    ],
)
def test_swap(before: Ran, after: Ran, result: str) -> None:
    assert ask("V-MEM-003", in_turn(before, after)).result == result


KILL = "Out of memory: Killed process 4242 (postgres) total-vm:1kB, anon-rss:1kB"

FIRST = "first [    0.000000] Linux version 6.1.0-18-amd64"


@pytest.mark.parametrize(
    "lines,result,words",
    [
        (["oom_kill 0"], "pass", "none since"),
        (["oom_kill 2", "uptime 200000", FIRST, f"killed [  190000.5] {KILL}"], "fail", "postgres"),
        (
            ["oom_kill 2", "uptime 200000", FIRST, f"killed [  190000.5] web kernel: {KILL}"],
            "fail",
            "postgres",
        ),
        (["oom_kill 2", "uptime 200000", FIRST, f"killed [  100000.5] {KILL}"], "pass", "2 since"),
        (["oom_kill 2", "uptime 200000", "first [ 199400.1] eth0: up"], "pass", "goes back 10m"),
        (["oom_kill 2", "uptime 200000"], "inconclusive", "may not be read"),
        ([], "inconclusive", "no oom_kill"),
    ],
)
def test_whom_the_kernel_killed(lines: Sequence[str], result: str, words: str) -> None:
    found = ask("V-MEM-004", lambda _question: printed(*lines))
    assert found.result == result
    assert words in found.message


def room(*lines: str, root: str = "/var/lib/docker") -> Any:
    def answer(question: Question) -> Any:
        if isinstance(question, EngineGet):
            return {"DockerRootDir": root}
        assert isinstance(question, OnHost)
        assert question.words[-2:] == ("/opt/demo", root)
        return printed(*lines)

    return answer


@pytest.mark.parametrize("identity,word", [("V-DSK-001", "space"), ("V-DSK-002", "inodes")])
@pytest.mark.parametrize(
    "lines,result",
    [
        (["84 16 /opt", "10 90 /var/lib/docker"], "pass"),
        (["85 15 /opt", "10 90 /var/lib/docker"], "fail"),
        (["10 90 /opt", "99 1 /var/lib/docker"], "fail"),
    ],
)
def test_disks(identity: str, word: str, lines: Sequence[str], result: str) -> None:
    found = ask(identity, room(*(f"{word} {line}" for line in lines)))
    assert found.result == result
    assert "/var/lib/docker" in found.message


def test_disks_that_tell_nothing() -> None:
    assert ask("V-DSK-001", room()).result == "inconclusive"
    assert ask("V-DSK-002", room("space 1 2 /", "inodes 0 0 /")).result == "skip"
    elsewhere = ask("V-DSK-001", room("absent /var/lib/docker", "space 1 9 /opt"))
    assert elsewhere.result == "inconclusive"
    assert "runs elsewhere" in elsewhere.message


@pytest.mark.parametrize(
    "there,grain,before,after,ahead",
    [
        (100.0, 0.0, 99.0, 101.0, 0.0),
        (110.0, 0.0, 99.0, 101.0, 9.0),
        (90.0, 0.0, 99.0, 101.0, -9.0),
        (99.0, 1.0, 99.9, 100.1, 0.0),
        (90.0, 1.0, 99.0, 101.0, -8.0),
        (100.0, 0.0, 50.0, 150.0, 0.0),
    ],
)
def test_the_way_there_and_back_proves_nothing(
    there: float, grain: float, before: float, after: float, ahead: float
) -> None:
    assert beyond(there, grain, before, after) == ahead


@pytest.mark.parametrize(
    "now,result",
    [
        ("1000.500000000", "pass"),
        ("1004.000000000", "fail"),
        ("997.000000000", "fail"),
        ("998.", "pass"),
        ("998.%N", "pass"),
        ("996.%N", "fail"),
        ("", "inconclusive"),
    ],
)
def test_clocks(now: str, result: str) -> None:
    times = iter((1000.0, 1001.0))
    found = ask("V-CLK-001", lambda one: next(times) if isinstance(one, OwnTime) else printed(f"now {now}"))
    assert found.result == result


def test_a_clock_that_is_wrong_is_told_in_seconds() -> None:
    times = iter((1000.0, 1001.0))
    found = ask("V-CLK-001", lambda one: next(times) if isinstance(one, OwnTime) else printed("now 900.0"))
    assert found.message == "it is behind this machine by at least 99.0 s"


@pytest.mark.parametrize(
    "version,oldest,verdict",
    [
        ("2.24.0", "2.24", True),
        ("v2.24.6-desktop.1", "2.24", True),
        ("5.6.1", "2.24", True),
        ("2.23.3", "2.24", False),
        ("1.41", "1.41", True),
        ("1.40", "1.41", False),
        ("2.24-rc1", "2.24", True),
        ("dev", "2.24", None),
        ("", "2.24", None),
    ],
)
def test_versions_are_compared_by_number(version: str, oldest: str, verdict: bool | None) -> None:
    assert at_least(version, oldest) is verdict


def test_the_shell_knows_the_same_oldest_compose() -> None:
    major, minor = OLDEST_COMPOSE.split(".")
    assert f'"$major" -eq {major} ] && [ "$minor" -ge {minor}' in CHECK_VERSION


@pytest.mark.parametrize("api,result", [("1.41", "pass"), ("1.40", "fail"), ("", "inconclusive")])
def test_the_engine(api: str, result: str) -> None:
    assert ask("V-ENG-001", lambda _question: {"Version": "20.10.24", "ApiVersion": api}).result == result


@pytest.mark.parametrize(
    "line,result",
    [
        ("compose 2.24.0", "pass"),
        ("compose v2.20.2", "fail"),
        ("none", "fail"),
        ("missing docker", "inconclusive"),
        ("compose dev", "inconclusive"),
    ],
)
def test_compose(line: str, result: str) -> None:
    assert ask("V-ENG-002", lambda _question: printed(line)).result == result


MIB = 2**20


@pytest.mark.parametrize(
    "line,result",
    [
        (f"memory api {89 * MIB} {0} {100 * MIB}", "pass"),
        (f"memory api {90 * MIB} {0} {100 * MIB}", "fail"),
        (f"memory api {99 * MIB} {50 * MIB} {100 * MIB}", "pass"),
        (f"memory api {99 * MIB} 0 max", "skip"),
        (f"memory api {99 * MIB} 0 9223372036854771712", "skip"),
        ("memory api -  -", "inconclusive"),
        (f"memory other {99 * MIB} 0 {100 * MIB}", "inconclusive"),
        ("gone api", "inconclusive"),
    ],
)
def test_memory_against_the_limit(line: str, result: str) -> None:
    assert ask("V-MEM-002", lambda _question: printed(line)).result == result


@pytest.mark.parametrize(
    "line,result",
    [
        ("pids api 89 100", "pass"),
        ("pids api 90 100", "fail"),
        ("pids api 90 max", "skip"),
        ("pids api - -", "inconclusive"),
    ],
)
def test_processes_against_the_limit(line: str, result: str) -> None:
    assert ask("V-CTR-004", lambda _question: printed(line)).result == result


def test_all_containers_are_asked_about_at_once_and_by_equal_questions() -> None:
    running = [container("api", seen=inspected(pid=7)), container("db", seen=inspected(pid=8))]
    about = situation(service("api"), service("db"), containers=running)
    asked = [hold(case.talk(), refused)[1] for case in cases_of(check_of(CHECKS, "V-MEM-002"), about)]
    ((one,), (other,)) = asked
    assert isinstance(one, OnHost)
    assert one == other
    assert (one.stdin, one.shared) == (b"api 7\ndb 8\n", True)


def refused(_question: Question) -> Any:
    raise UnansweredError("no")


def test_what_does_not_run_uses_nothing() -> None:
    about = situation(service("api"), containers=[container("api", state="exited")])
    assert ask("V-MEM-002", nobody, about).result == "skip"
