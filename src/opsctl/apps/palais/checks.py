"""What is asked of a Palais: whether it answers."""

from __future__ import annotations

from opsctl.apps.palais.dashboard import PORT
from opsctl.checks.check import Check
from opsctl.checks.paths import answers_ok
from opsctl.checks.questions import Talk
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow


def _well(one: ServiceNow) -> Talk:
    return (yield from answers_ok(one, one.service.env.get("PORT") or PORT, "/api/health"))


CHECKS = (
    Check(
        id="V-PAL-001",
        title="Palais answers",
        severity="high",
        proves="/api/health answers 200; what it asks of its database for that is not known, its source is not public.",
        mend="opsctl logs SERVICE",
        source="the probe of the system before opsctl",
        cases=asked_of_each("palais", _well),
        tags=frozenset({"deploy"}),
        software=True,
    ),
)
