"""Checks under way: patience, questions without an answer, many at a time, and what is left behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Self

import pytest
from tests.fakes.edges import FakeClock

from opsctl.checks.check import Case, Check, Patience
from opsctl.checks.questions import (
    Inside,
    OnHost,
    Pause,
    Question,
    Ran,
    Talk,
    UnansweredError,
    Verdict,
    failed,
    leaving,
    passed,
    pause,
    ran,
    settled,
    unknown,
)
from opsctl.edges.clock import SystemClock
from opsctl.flows.checking.running import Ask, Outcome, run_all, run_case

ONCE = Patience()
LOOK, CLEAN, MORE = (OnHost("web", (word,)) for word in ("look", "clean", "clean-more"))


def check(talk: Callable[[], Talk], patience: Patience = ONCE, **more: Any) -> tuple[Check, Case]:
    fields: dict[str, Any] = {"id": "V-TST-001", "title": "t", "severity": "high", **more}
    made = Check(
        proves="p", mend="m", source="s", cases=lambda _situation: iter(()), patience=patience, **fields
    )
    return made, Case("web", "api", talk)


class Asked:
    """Answers by question: a value, or an error that is raised; others are answered with a code of 0."""

    def __init__(self, answers: dict[Question, Any] | None = None) -> None:
        self.answers = answers or {}
        self.questions: list[Question] = []

    def __call__(self, question: Question) -> Any:
        self.questions.append(question)
        answer = self.answers.get(question, Ran(0, b"", b""))
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(talk: Callable[[], Talk], patience: Patience = ONCE, ask: Ask | None = None, **more: Any) -> Outcome:
    clock = FakeClock()
    options = {key: more.pop(key) for key in ("allow_metered", "stop") if key in more}
    return run_case(*check(talk, patience, **more), ask or Asked(), clock, **options)


def in_turn(*verdicts: Verdict) -> Callable[[], Talk]:
    left = iter(verdicts)
    return lambda: settled(next(left))


def test_one_attempt_is_all_where_no_patience_is_asked_for() -> None:
    outcome = run(in_turn(failed("no"), passed()))
    assert (outcome.verdict, outcome.attempts) == (failed("no"), 1)


def test_it_is_asked_anew_until_it_passes() -> None:
    outcome = run(in_turn(failed("no"), unknown("?"), passed("now")), Patience(10, 2))
    assert (outcome.verdict, outcome.attempts, outcome.seconds) == (passed("now"), 3, 4)


def test_what_was_found_last_counts_when_patience_ends() -> None:
    outcome = run(in_turn(unknown("?"), failed("one"), failed("two"), passed()), Patience(4, 2))
    assert (outcome.verdict, outcome.attempts) == (failed("two"), 3)


def test_it_must_pass_as_often_in_a_row_as_the_check_says() -> None:
    steady = run(
        in_turn(passed(), failed("no"), passed(), passed(), failed("never asked")), Patience(60, 1, 2)
    )
    assert (steady.verdict, steady.attempts) == (passed(), 4)
    flapping = run(in_turn(passed(), failed("no"), passed()), Patience(2, 1, 2))
    assert flapping.verdict.result == "fail"
    assert flapping.verdict.message == "passed 1 of 2 times in a row"


def test_a_skip_is_not_asked_anew() -> None:
    outcome = run(in_turn(Verdict("skip", "held"), passed()), Patience(60, 1))
    assert (outcome.verdict.result, outcome.attempts) == ("skip", 1)


def test_what_costs_money_is_not_even_begun() -> None:
    asked = Asked()
    outcome = run(lambda: look_and(passed()), ask=asked, metered=True)
    assert (outcome.verdict.result, asked.questions) == ("skip", [])
    assert run(lambda: look_and(passed()), ask=asked, metered=True, allow_metered=True).verdict == passed()


def look_and(verdict: Verdict) -> Talk:
    yield from ran(LOOK)
    return verdict


def test_a_question_that_nobody_answers_is_inconclusive() -> None:
    outcome = run(lambda: look_and(passed()), ask=Asked({LOOK: UnansweredError("api does not run")}))
    assert outcome.verdict == unknown("api does not run")


def test_a_check_may_do_without_an_answer() -> None:
    def careful() -> Talk:
        try:
            yield from ran(LOOK)
        except UnansweredError:
            return failed("it does not even run")
        return passed()

    assert run(careful, ask=Asked({LOOK: UnansweredError("gone")})).verdict.result == "fail"


def test_after_its_time_a_check_gets_no_more_answers() -> None:
    clock = FakeClock()

    def slow() -> Talk:
        yield from pause(50)
        yield from ran(LOOK)
        return passed()

    def ask(question: Question) -> Any:
        return clock.sleep(question.seconds) if isinstance(question, Pause) else Ran(0, b"", b"")

    outcome = run_case(*check(slow, timeout=30), ask, clock)
    assert outcome.verdict == unknown("not done within 30 s")


def leaves(*, then: Callable[[], Verdict]) -> Talk:
    yield from leaving(CLEAN)
    yield from leaving(MORE)
    yield from ran(LOOK)
    return then()


@pytest.mark.parametrize("answer", [Ran(0, b"", b""), UnansweredError("the connection was lost")])
def test_what_it_made_is_removed_whatever_comes_the_last_thing_first(answer: object) -> None:
    asked = Asked({LOOK: answer})
    run(lambda: leaves(then=passed), ask=asked)
    assert asked.questions == [LOOK, MORE, CLEAN]


def test_what_it_made_is_removed_after_a_bug_too() -> None:
    def broken() -> Verdict:
        raise ZeroDivisionError

    asked = Asked()
    with pytest.raises(ZeroDivisionError):
        run(lambda: leaves(then=broken), ask=asked)
    assert asked.questions == [LOOK, MORE, CLEAN]


@pytest.mark.parametrize(
    "answer,reason",
    [
        (Ran(1, b"", b"Error: No such container\n"), "Error: No such container"),
        (UnansweredError("gone"), "gone"),
    ],
)
def test_what_could_not_be_removed_is_told_and_no_pass(answer: object, reason: str) -> None:
    outcome = run(lambda: leaves(then=lambda: passed("ok")), ask=Asked({CLEAN: answer}))
    assert outcome.verdict.result == "inconclusive"
    assert outcome.verdict.message == f"ok; something was left on the host: {reason}"
    failing = run(lambda: leaves(then=lambda: failed("no")), ask=Asked({CLEAN: answer}))
    assert failing.verdict.result == "fail"


def test_a_run_that_shall_stop_asks_nothing_more_but_removes_what_is_there() -> None:
    stopping = threading.Event()

    def interrupted() -> Talk:
        yield from leaving(CLEAN)
        stopping.set()
        yield from ran(LOOK)
        return passed()

    asked = Asked()
    outcome = run(interrupted, Patience(60, 1), asked, stop=stopping.is_set)
    assert asked.questions == [CLEAN]
    assert (outcome.verdict, outcome.attempts) == (unknown("interrupted"), 1)


def test_cases_run_side_by_side_and_a_slow_one_holds_nobody() -> None:
    """The first one ends only after all others did."""
    others = [threading.Event() for _ in range(10)]

    def ask(question: Question) -> Any:
        assert isinstance(question, Inside)
        number = int(question.words[0])
        if number < 0:
            assert all(other.wait(30) for other in others)
        else:
            others[number].set()
        return Ran(0, b"", b"")

    def numbered(number: int) -> Talk:
        yield from ran(Inside("web", "api", (str(number),)))
        return passed(str(number))

    planned = [check(partial(numbered, number)) for number in range(-1, 10)]
    outcomes = run_all(planned, ask, SystemClock())
    assert [one.verdict for one in outcomes] == [passed(str(number)) for number in range(-1, 10)]


@pytest.fixture
def struck() -> Iterator[threading.Event]:
    """SIGINT raises KeyboardInterrupt, also in workers of xdist, and this is set."""
    happened = threading.Event()

    def strike(_number: int, _frame: object) -> None:
        happened.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, strike)
    yield happened
    signal.signal(signal.SIGINT, before)


def test_an_interruption_ends_what_is_under_way_and_begins_nothing_more(struck: threading.Event) -> None:
    under_way = threading.Event()
    asked = Asked()

    def ask(question: Question) -> Any:
        asked(question)
        if question == LOOK:
            under_way.set()
            assert struck.wait(30)
            time.sleep(0.2)  # for the main thread to say so
        return Ran(0, b"", b"")

    def talk() -> Talk:
        yield from leaving(CLEAN)
        yield from ran(LOOK)
        yield from ran(MORE)
        return passed()

    def interrupt() -> None:
        under_way.wait()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run_all([check(talk), check(talk)], ask, SystemClock(), at_once=1)
    assert asked.questions == [LOOK, CLEAN]


def test_an_interruption_while_the_first_one_is_begun_waits_for_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It strikes in Thread.start: the thread runs, and the pool does not know it (Python 3.11, _adjust_thread_count)."""
    under_way = threading.Event()
    asked = Asked()

    class Struck:
        def __init__(self, **_options: object) -> None: ...
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_error: object) -> None: ...
        def submit(self, work: Callable[..., None], *arguments: object) -> None:
            threading.Thread(target=work, args=arguments).start()
            assert under_way.wait(30)
            raise KeyboardInterrupt

    def ask(question: Question) -> Any:
        if question == LOOK:
            under_way.set()
            time.sleep(0.2)
        asked(question)
        return Ran(0, b"", b"")

    def talk() -> Talk:
        yield from leaving(CLEAN)
        yield from ran(LOOK)
        yield from ran(MORE)
        return passed()

    monkeypatch.setattr("opsctl.flows.checking.running.ThreadPoolExecutor", Struck)
    with pytest.raises(KeyboardInterrupt):
        run_all([check(talk), check(talk)], ask, SystemClock())
    assert asked.questions == [LOOK, CLEAN]
