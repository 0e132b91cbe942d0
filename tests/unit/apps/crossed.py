"""A project with one service whose container has another tag than its files, and the trial of its app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.unit.apps.linted import ONE_HOST, subject
from tests.unit.checks.answers import hold
from tests.unit.checks.situations import NOW, container

from opsctl.apps.catalogue import find_app
from opsctl.apps.crossings import crossings
from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Question, Ran, Verdict
from opsctl.checks.situation import HostNow
from opsctl.state.observed import Observed


def crossing(
    root: Path, stack: str, old: str, templates: Mapping[str, str] | None = None, *, state: str = "running"
) -> Crossing:
    """Of the one service of this stack; `old` is the image that runs."""
    (root / "stacks").mkdir(parents=True)
    (root / "templates").mkdir()
    (root / "hosts.toml").write_text(ONE_HOST)
    (root / "stacks" / "apps.yml").write_text(stack)
    for name, text in (templates or {}).items():
        (root / "templates" / name).write_text(text)
    found = subject(root)
    host = found.desired.hosts[0]
    (name,) = host.services
    observed = Observed(host.name, containers=(container(name, image=old, state=state),), now=NOW)
    ((_app, crossed),) = crossings(found, HostNow(host, observed))
    return crossed


def put_to(crossed: Crossing, answer: Callable[[Question], Any]) -> tuple[Verdict, list[Question]]:
    """The trial of its app, answered so."""
    gate = find_app(crossed.now.app).gate
    assert gate
    assert gate.trial
    return hold(gate.trial(crossed), answer)


def tried(crossed: Crossing, *answers: Ran) -> tuple[Verdict, list[Question]]:
    """The same, answered in turn."""
    left = list(answers)
    return put_to(crossed, lambda _question: left.pop(0))


def listed(crossed: Crossing, what: str, *answers: Ran) -> tuple[frozenset[str], list[Question]]:
    """A list of its app, answered in turn. Raises UnansweredError."""
    gate = find_app(crossed.now.app).gate
    assert gate
    (roster,) = [one for one in gate.rosters if one.what == what]
    talk, asked, left = roster.take(crossed.now), [], list(answers)
    told = None
    while True:
        try:
            asked.append(talk.send(told))
        except StopIteration as end:
            names: frozenset[str] = end.value
            return names, asked
        told = left.pop(0)


def said(text: str = "", code: int = 0) -> Ran:
    """On stdout, and on stderr with a code."""
    return Ran(code, b"" if code else text.encode(), text.encode() if code else b"")
