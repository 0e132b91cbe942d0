"""Questions to a host that are a constant POSIX script; it prints lines: a word, and what there is to say of it.

A script says `missing TOOL` where it cannot do without one that is not there, `unread WHAT` where it may not look, and `end`
as its last line, so that half an answer is no answer.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Literal

from opsctl.checks.questions import OnHost, Question, UnansweredError, ran

Facts = Mapping[str, Sequence[str]]
"""By the word, the rest of each line that begins with it."""

# Login shells that are not root's often lack the folders of sshd, nft and iptables.
_HEAD = """\
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
need() {
    for tool; do
        command -v "$tool" >/dev/null 2>&1 || { echo "missing $tool"; echo end; exit 0; }
    done
}
"""


def told(
    host: str,
    source: str,
    *arguments: str,
    stdin: bytes = b"",
    privilege: Literal["files", "engine", "both", "none"] = "none",
    shared: bool = True,
) -> Generator[Question, Any, Facts]:
    """What a script printed on a host. Raises UnansweredError where a tool is missing, and where it was cut short."""
    words = ("sh", "-c", f"{_HEAD}{source}echo end\n", "opsctl", *arguments)
    answer = yield from ran(OnHost(host, words, stdin, privilege=privilege, shared=shared))
    facts = read_facts(answer.stdout)
    if "missing" in facts:
        raise UnansweredError(f"{facts['missing'][0]} is not on the host")
    if "end" not in facts:
        raise UnansweredError(f"the host did not tell: {answer.last_line()}")
    return facts


def read_facts(output: bytes) -> Facts:
    """The lines by their first word; `end` counts only as the last of them."""
    facts: dict[str, list[str]] = {}
    lines = output.decode(errors="replace").splitlines()
    for line in lines:
        word, _, rest = line.partition(" ")
        if word != "end" or line is lines[-1]:
            facts.setdefault(word, []).append(rest)
    return facts


def only(facts: Facts, word: str) -> str:
    """What was said of it first. Raises UnansweredError where nothing was."""
    if word not in facts:
        raise UnansweredError(f"the host did not tell: no {word}")
    return facts[word][0]


def number(facts: Facts, word: str) -> int:
    """Raises UnansweredError where it is no whole number."""
    text = only(facts, word)
    if not text.isdecimal():
        raise UnansweredError(f"the host did not tell: {word} is {text!r}")
    return int(text)
