"""What is asked of a NocoDB: whether it is ready."""

from __future__ import annotations

from opsctl.checks.check import Check
from opsctl.checks.paths import answers_ok
from opsctl.checks.questions import Talk
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow


def _well(one: ServiceNow) -> Talk:
    return (yield from answers_ok(one, one.service.env.get("PORT") or "8080", "/api/v1/health"))


CHECKS = (
    Check(
        id="V-NCO-001",
        title="NocoDB is ready",
        severity="critical",
        proves="/api/v1/health answers 200, which is 404 until its database is migrated and its routes are there.",
        mend="opsctl logs SERVICE",
        source="NocoDB 0.301.3 (run)",
        cases=asked_of_each("nocodb", _well),
        tags=frozenset({"deploy"}),
        software=True,
    ),
)
