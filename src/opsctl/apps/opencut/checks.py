"""What is asked of an OpenCut: whether it answers, when it runs."""

from __future__ import annotations

from opsctl.checks.check import Check
from opsctl.checks.paths import answers_ok
from opsctl.checks.questions import Talk
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow


def _well(one: ServiceNow) -> Talk:
    return (yield from answers_ok(one, one.service.env.get("PORT") or "3000", "/api/health"))


CHECKS = (
    Check(
        id="V-OCT-001",
        title="OpenCut answers",
        severity="medium",
        proves="/api/health answers 200, where it runs; one that sleeps until somebody wants it is left asleep.",
        mend="opsctl logs SERVICE",
        source="the probe of forks of its last state (read, not run)",
        cases=asked_of_each("opencut", _well),
        tags=frozenset({"deploy"}),
        software=True,
    ),
)
