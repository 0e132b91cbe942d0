"""What is asked of a cAdvisor: whether it tells the health of containers, which the alerts live on."""

from __future__ import annotations

from opsctl.apps.health_state import METRIC
from opsctl.apps.options import flag
from opsctl.checks.check import Check, Patience
from opsctl.checks.metrics import series
from opsctl.checks.paths import OK, at, how
from opsctl.checks.questions import Talk, failed, fetched, passed
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow


def _tells(one: ServiceNow) -> Talk:
    port = flag(one.view.words("entrypoint", "command"), "port") or "8080"
    answer = yield from fetched(at(one, port, "/metrics"))
    if answer.status != OK:
        return failed(f"/metrics: {how(answer)}")
    names = [labels["name"] for labels, _value in series(answer.text, METRIC) if labels.get("name")]
    if not names:
        return failed(f"no {METRIC} of any container: it is too old, or cannot ask the engine")
    return passed(f"the health of {len(names)} containers")


CHECKS = (
    Check(
        id="V-CAD-001",
        title="cAdvisor tells the health of containers",
        severity="critical",
        proves=f"/metrics has {METRIC} with the name of a container. Without it no unhealthy container is ever announced.",
        mend="0.55.1 or later (CAD001); the mounts of CAD004; opsctl logs SERVICE",
        source="cadvisor v0.60.5 lib/metrics/prometheus.go 138 (read, not run)",
        cases=asked_of_each("cadvisor", _tells),
        tags=frozenset({"deploy"}),
        patience=Patience(deadline=45.0, interval=5.0),
        software=True,
    ),
)
