"""The checks of an app put to the real program on loopback, by the same code that puts them to a host."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.fakes.edges import FakeClock, FakeConnection
from tests.unit.apps.linted import subject
from tests.unit.checks.answers import hold
from tests.unit.checks.situations import check_of, container

from opsctl.apps.app import App
from opsctl.apps.catalogue import all_checks
from opsctl.checks.questions import HERE, Fetch, Inside, Leaving, Logs, OnHost, Question, Ran, Verdict
from opsctl.checks.situation import HostNow, Situation
from opsctl.checks.throwaway import Claim
from opsctl.edges.local.network import OwnNetwork, source_to
from opsctl.edges.ports import Clock
from opsctl.flows.checking.answering import Answers, Outside
from opsctl.flows.world import Who, World
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder
from opsctl.rules.subject import Subject
from opsctl.state.observed import Observed

LOOPBACK = "127.0.0.1"


def situation(root: Path, secret: Callable[[str], str], now: float) -> Situation:
    """The project as it is rendered with these values, every service running."""
    fleet = subject(root).fleet
    desired = render(fleet, "prod", secret, login=login_placeholder)
    hosts = {
        one.name: HostNow(
            one, Observed(one.name, containers=tuple(container(name) for name in one.services), now=now)
        )
        for one in desired.hosts
    }
    return Situation(Subject(fleet, desired, None, now), hosts)


def put(
    about: Situation,
    identity: str,
    *,
    port: int = 0,
    address: str = LOOPBACK,
    inside: Callable[[Inside], Ran] | None = None,
    on_host: Callable[[OnHost], Ran] | None = None,
    lines: Sequence[str] = (),
    clock: Clock | None = None,
) -> Verdict:
    """The verdict of the check's first case. Requests to a service's container go to `port` at `address` of loopback instead.

    What the check leaves to be done at its end is done. Without a `clock` no time passes.
    """
    clock = clock or FakeClock()
    left: list[Question] = []
    world = World(
        connect=lambda _host: FakeConnection(),
        clock=clock,
        redact=lambda text: text,
        listen=lambda _event: None,
        who=Who("ops", "here", "opsctl verify", "0" * 8),
    )
    answers = Answers(world, about, Outside(OwnNetwork(), source_to))

    def answer(question: Question) -> Any:
        if isinstance(question, Fetch) and question.service:
            scheme, _, rest = question.url.partition("://")
            path = rest.partition("/")[2]
            url = f"{scheme}://{address}:{port}/{path}"
            return answers.answer(replace(question, url=url, service="", via=HERE))
        if isinstance(question, Inside) and inside:
            return inside(question)
        if isinstance(question, OnHost) and on_host:
            return on_host(question)
        if isinstance(question, Leaving):
            return left.append(question.question)
        if isinstance(question, Claim):
            return None
        if isinstance(question, Logs):
            return list(lines)
        return answers.answer(question)

    first, *_ = check_of(all_checks(), identity).cases(about)
    verdict = hold(first.talk(), answer)[0]
    for question in reversed(left):
        answer(question)
    return verdict


def taken(about: Situation, app: App, what: str, inside: Callable[[Inside], Ran]) -> frozenset[str]:
    """A list of an app's gate, of its one service. Raises UnansweredError."""
    assert app.gate
    (roster,) = (one for one in app.gate.rosters if one.what == what)
    (now,) = about.services(app.name)
    talk, told = roster.take(now), None
    while True:
        try:
            question = talk.send(told)
        except StopIteration as end:
            names: frozenset[str] = end.value
            return names
        assert isinstance(question, Inside)
        told = inside(question)


def run(question: Inside, environment: Mapping[str, str]) -> Ran:
    """The words as they would run in the container, on this machine."""
    done = subprocess.run(
        question.words,
        input=question.stdin,
        env={"PATH": "/usr/bin:/bin:/usr/sbin", **environment},
        capture_output=True,
        timeout=question.timeout,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
