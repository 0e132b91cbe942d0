"""A check's talk held by a test: each question gets the answer that fits it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

from opsctl.checks.questions import OnHost, Question, Ran, Talk, UnansweredError, Verdict, unknown

Answer = Callable[[Question], Any]


def hold(talk: Talk, answer: Answer) -> tuple[Verdict, list[Question]]:
    """The verdict, and what was asked. An UnansweredError that `answer` raises is raised in the talk."""
    asked: list[Question] = []
    try:
        question = next(talk)
        while True:
            asked.append(question)
            try:
                told = answer(question)
            except UnansweredError as error:
                question = talk.throw(error)
            else:
                question = talk.send(told)
    except StopIteration as end:
        return end.value, asked
    except UnansweredError as error:
        return unknown(str(error)), asked


def nobody(question: Question) -> Any:
    raise AssertionError(f"was not to be asked: {question}")


def printed(*lines: str, code: int = 0, stderr: str = "") -> Ran:
    """What a script of a check printed, to its end."""
    return Ran(code, "".join(f"{line}\n" for line in (*lines, "end")).encode(), stderr.encode())


def here(question: Question) -> Ran:
    """A script run on this machine, as it is."""
    assert isinstance(question, OnHost)
    done = subprocess.run(question.words, input=question.stdin, capture_output=True, timeout=30, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)
