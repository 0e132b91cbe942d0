"""The checks of an app put to the project of a test, and answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.apps.linted import subject
from tests.unit.checks.answers import hold
from tests.unit.checks.situations import NOW, check_of, container

from opsctl.apps.catalogue import all_checks
from opsctl.checks.check import Case
from opsctl.checks.questions import Fetched, Question, Ran, Verdict
from opsctl.checks.situation import HostNow, Situation
from opsctl.state.observed import Observed


def about(root: Path, **seen: Any) -> Situation:
    """The project of a test, every service running; `seen` are fields of the look at each host."""
    found = subject(root)
    hosts = {}
    for one in found.desired.hosts:
        running = tuple(container(name) for name in one.services)
        hosts[one.name] = HostNow(one, Observed(one.name, **{"containers": running, "now": NOW, **seen}))
    return Situation(found, hosts)


def cases(root: Path, identity: str, **seen: Any) -> list[Case]:
    return list(check_of(all_checks(), identity).cases(about(root, **seen)))


def ask(
    root: Path, identity: str, answer: Callable[[Question], Any], **seen: Any
) -> tuple[Verdict, list[Question]]:
    """The first case of the check, held."""
    first, *_ = cases(root, identity, **seen)
    return hold(first.talk(), answer)


def said(stdout: str, code: int = 0, stderr: str = "") -> Callable[[Question], Any]:
    return lambda _question: Ran(code, stdout.encode(), stderr.encode())


def answered(status: int, body: Any = None, reason: str = "") -> Callable[[Question], Any]:
    return lambda _question: Fetched(status, {}, json.dumps(body or {}).encode(), reason)
