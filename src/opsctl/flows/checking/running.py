"""Checks under way: many cases at a time, each with its patience, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event as Flag
from typing import Any

from opsctl.checks.check import Case, Check
from opsctl.checks.questions import (
    Leaving,
    Question,
    Ran,
    Result,
    Talk,
    UnansweredError,
    Verdict,
    failed,
    skipped,
    unknown,
)
from opsctl.edges.ports import Clock
from opsctl.flows.until_done import until_done
from opsctl.model.waivers import Waiver

AT_ONCE = 24
"""Cases under way together; commands on one host are fewer (see opsctl.flows.checking.answering)."""

Ask = Callable[[Question], Any]
"""Answers a question, or raises UnansweredError."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one case of a check ended. `seconds` is how long that took, with `attempts` at it. `waiver` is the one that accepts its
    failure, or that did so until its last day.
    """

    check: Check
    case: Case
    verdict: Verdict
    seconds: float = 0.0
    attempts: int = 1
    waiver: Waiver | None = None

    @property
    def host(self) -> str:
        return self.case.host

    @property
    def service(self) -> str:
        return self.case.service


def run_all(
    planned: Sequence[tuple[Check, Case]],
    ask: Ask,
    clock: Clock,
    *,
    allow_metered: bool = False,
    at_once: int = AT_ONCE,
    begun: Callable[[Check, Case], None] = lambda _check, _case: None,
    ended: Callable[[Outcome], None] = lambda _outcome: None,
) -> tuple[Outcome, ...]:
    """Every case, in the order given. `begun` and `ended` are called from threads.

    Raises KeyboardInterrupt after what was left on hosts is gone.
    """
    stop = Flag()
    # An interruption may strike between a submission and its being known: these are known before.
    promises: list[Future[Outcome]] = [Future() for _ in planned]

    def one(promise: Future[Outcome], check: Check, case: Case) -> None:
        if not promise.set_running_or_notify_cancel():
            return
        try:
            begun(check, case)
            outcome = run_case(check, case, ask, clock, allow_metered=allow_metered, stop=stop.is_set)
            ended(outcome)
            promise.set_result(outcome)
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            promise.set_exception(error)

    workers = max(1, min(at_once, len(planned)))
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="check") as threads:
        try:
            for promise, (check, case) in zip(promises, planned, strict=True):
                threads.submit(one, promise, check, case)
            until_done(promises)
        except KeyboardInterrupt:
            stop.set()
            until_done([promise for promise in promises if not promise.cancel()])
            raise
        return tuple(promise.result() for promise in promises)


def run_case(
    check: Check,
    case: Case,
    ask: Ask,
    clock: Clock,
    *,
    allow_metered: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """One case until its patience ends."""
    if check.metered and not allow_metered:
        return Outcome(check, case, skipped("costs money: --allow-metered"), attempts=0)
    began = clock.monotonic()
    patience = check.patience
    in_a_row, attempts = 0, 0
    while True:
        attempts += 1
        verdict = hold(case.talk(), ask, clock, timeout=check.timeout, stop=stop)
        in_a_row = in_a_row + 1 if verdict.result == "pass" else 0
        seconds = clock.monotonic() - began
        good = in_a_row >= patience.successes or verdict.result == "skip"
        if good or stop() or seconds + patience.interval > patience.deadline:
            if verdict.result == "pass" and in_a_row < patience.successes:
                verdict = failed(f"passed {in_a_row} of {patience.successes} times in a row")
            return Outcome(check, case, verdict, seconds, attempts)
        clock.sleep(patience.interval)


def hold(talk: Talk, ask: Ask, clock: Clock, *, timeout: float, stop: Callable[[], bool]) -> Verdict:
    """One talk to its end, and what it wants done when it leaves; a question that nobody answered is raised in it.

    After `timeout` seconds, or when the run shall stop, no further question is asked.
    """
    began = clock.monotonic()
    duties: list[Question] = []

    def reply(question: Question) -> Any:
        if stop():
            raise UnansweredError("interrupted")
        if clock.monotonic() - began > timeout:
            raise UnansweredError(f"not done within {timeout:g} s")
        if isinstance(question, Leaving):
            return duties.append(question.question)
        return ask(question)

    try:
        verdict = _conversed(talk, reply)
    finally:
        left = list(_undone(reversed(duties), ask))
    if not left:
        return verdict
    result: Result = "fail" if verdict.result == "fail" else "inconclusive"
    return replace(
        verdict, result=result, message="; ".join([verdict.message, *map(_behind, left)]).lstrip("; ")
    )


def _behind(reason: str) -> str:
    return f"something was left on the host: {reason}"


def _conversed(talk: Talk, reply: Ask) -> Verdict:
    try:
        question = next(talk)
        while True:
            try:
                answer = reply(question)
            except UnansweredError as error:
                question = talk.throw(error)
            else:
                question = talk.send(answer)
    except StopIteration as end:
        verdict: Verdict = end.value
        return verdict
    except UnansweredError as error:
        return unknown(str(error))


def _undone(duties: Iterable[Question], ask: Ask) -> Iterator[str]:
    for duty in duties:
        try:
            answer = ask(duty)
        except UnansweredError as error:
            yield str(error)
        else:
            if isinstance(answer, Ran) and answer.code:
                yield answer.last_line()
