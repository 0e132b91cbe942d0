"""Scripts of checks: what they print is read as a whole or not at all, and each runs in a POSIX shell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.unit.checks.answers import here, hold, printed
from tests.unit.checks.situations import cases_of, container, inspected, service, situation

from opsctl.checks.catalogue import CHECKS
from opsctl.checks.questions import EngineGet, OnHost, Pause, Question, Ran, Talk, passed
from opsctl.checks.scripts import number, only, read_facts, told


def talk(word: str = "word") -> Talk:
    facts = yield from told("web", 'need sh; echo "word $1"\n', "a b")
    return passed(f"{only(facts, word)}")


def test_lines_by_their_first_word() -> None:
    assert hold(talk(), here)[0] == passed("a b")
    assert read_facts(b"a 1\na 2 3\nend\nb\nend\n") == {"a": ["1", "2 3"], "b": [""], "end": [""]}


def test_half_an_answer_is_none() -> None:
    cut = hold(talk(), lambda _question: Ran(-1, b"word a b\n", b"sh: killed"))[0]
    assert (cut.result, cut.message) == ("inconclusive", "the host did not tell: sh: killed")
    assert hold(talk("other"), here)[0].result == "inconclusive"


def test_a_tool_that_is_not_there_is_named() -> None:
    lacking = hold(talk(), lambda _question: printed("missing ss"))[0]
    assert (lacking.result, lacking.message) == ("inconclusive", "ss is not on the host")


def test_need_says_so_in_a_real_shell() -> None:
    def asks() -> Talk:
        yield from told("web", "need sh no-such-tool\necho never\n")
        return passed()

    assert hold(asks(), here)[0].message == "no-such-tool is not on the host"


def test_what_is_no_number_is_not_told() -> None:
    def asks() -> Talk:
        facts = yield from told("web", "")
        return passed(str(number(facts, "n")))

    assert hold(asks(), lambda _question: printed("n 7"))[0].message == "7"
    assert hold(asks(), lambda _question: printed("n -"))[0].result == "inconclusive"


def scripts() -> list[tuple[str, OnHost]]:
    """Every script that a generic check runs on a host, with the first answers that lead to it."""
    found: list[tuple[str, OnHost]] = []

    def answer(name: str, question: Question) -> object:
        match question:
            case OnHost():
                found.append((name, question))
                return here(question)
            case EngineGet():
                return {"DockerRootDir": "/", "Version": "20.10.24", "ApiVersion": "1.41"}
            case Pause():
                return None
            case _:
                return 0.0

    seen = inspected(pid=os.getpid(), restart_count=0)
    about = situation(service("api"), containers=[container("api", seen=seen)])
    for check in CHECKS:
        for case in cases_of(check, about):
            hold(case.talk(), lambda question, name=check.id: answer(name, question))  # type: ignore[misc]
    return found


def test_every_script_ends_here_and_says_nothing_amiss() -> None:
    found = scripts()
    assert found
    for name, question in found:
        answer = here(question)
        assert answer.code == 0, (name, answer.stderr)
        assert answer.stdout.endswith(b"end\n"), (name, answer.stdout)
        assert answer.stderr == b"", (name, answer.stderr)


@pytest.mark.skipif(not Path("/usr/bin/busybox").exists(), reason="busybox is not here")
def test_a_second_shell_reads_every_script() -> None:
    for name, question in scripts():
        words = ("/usr/bin/busybox", "sh", "-n", "-c", question.words[2])
        done = subprocess.run(words, capture_output=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, b""), name
