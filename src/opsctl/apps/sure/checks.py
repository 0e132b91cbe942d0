"""What is asked of a Sure: whether its web has booted, and whether its worker lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from opsctl.apps.sure.instance import Process, Role
from opsctl.checks.check import Case, Check
from opsctl.checks.paths import answers_ok
from opsctl.checks.questions import Inside, Talk, failed, passed, ran, unknown
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow, Situation

# Sidekiq names its process so when it has booted; procps is in the image since 0.6.5.
_FIND = ("pgrep", "-f", "^sidekiq ")
_FOUND, _NOT_FOUND = 0, 1


def _each(role: Role, talk: Callable[[ServiceNow], Talk]) -> Callable[[Situation], Iterator[Case]]:
    def cases(situation: Situation) -> Iterator[Case]:
        mine = {one.name for one in situation.services("sure") if Process(one.view).role == role}
        yield from (case for case in asked_of_each("sure", talk)(situation) if case.service in mine)

    return cases


def _up(one: ServiceNow) -> Talk:
    return (yield from answers_ok(one, one.service.env.get("PORT") or "3000", "/up"))


def _works(one: ServiceNow) -> Talk:
    answer = yield from ran(Inside(one.host.name, one.name, _FIND))
    if answer.code == _FOUND:
        return passed()
    if answer.code == _NOT_FOUND:
        return failed("no process of Sidekiq in its container: it starts, or it ended")
    return unknown(f"pgrep: {answer.last_line()}")


CHECKS = (
    Check(
        id="V-SUR-001",
        title="Sure's web has booted",
        severity="critical",
        proves="/up answers 200: Rails has booted. It asks neither the database nor Redis.",
        mend="opsctl logs SERVICE",
        source="Sure 0.7.3, services 10, 13 (read, not run)",
        cases=_each("web", _up),
        tags=frozenset({"deploy"}),
        software=True,
    ),
    Check(
        id="V-SUR-002",
        title="Sure's worker lives",
        severity="high",
        proves="A process of Sidekiq that has booted and named itself is in the container; whether jobs are done is not asked.",
        mend="opsctl logs SERVICE; opsctl restart SERVICE",
        source="pgrep, of procps, which is in the image since 0.6.5; Sidekiq 6.4.1 (run)",
        cases=_each("worker", _works),
        tags=frozenset({"deploy"}),
        software=True,
    ),
)
