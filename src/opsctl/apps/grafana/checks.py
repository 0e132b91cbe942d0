"""What is asked of a Grafana: whether it answers, with its database."""

from __future__ import annotations

from opsctl.checks.check import Check, Patience
from opsctl.checks.paths import answers_ok
from opsctl.checks.questions import Talk
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow


def _ready(one: ServiceNow) -> Talk:
    return (yield from answers_ok(one, one.service.env.get("GF_SERVER_HTTP_PORT") or "3000", "/api/health"))


CHECKS = (
    Check(
        id="V-GRF-001",
        title="Grafana is well, with its database",
        severity="medium",
        proves="/api/health answers 200, which is 503 while its database does not answer.",
        mend="opsctl logs SERVICE: a provisioning file that it does not take ends it at its start (GRF001, GRF008)",
        source="grafana.com/docs/grafana, pkg/api/health.go (read, not run)",
        cases=asked_of_each("grafana", _ready),
        tags=frozenset({"deploy"}),
        patience=Patience(deadline=30.0, interval=3.0),
        software=True,
    ),
)
