"""What is asked of an n8n: whether each of its processes is ready."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.n8n.instance import NAME, Instance, instances
from opsctl.checks.check import Case, Check
from opsctl.checks.paths import answers_ok
from opsctl.checks.questions import Talk, skipped
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow, Situation

_PORT = "5678"
# Of a worker's server, which is off by default (@n8n/config 2.39.0, scaling-mode.config.js).
_ACTIVE, _WORKER_PORT = "QUEUE_HEALTH_CHECK_ACTIVE", "QUEUE_HEALTH_CHECK_PORT"


def _cases(situation: Situation) -> Iterator[Case]:
    known = {(one.view.host.name, one.view.name): one for one in instances(situation.subject)}
    yield from asked_of_each(NAME, lambda now: _ready(now, known[now.host.name, now.name]))(situation)


def _ready(now: ServiceNow, instance: Instance) -> Talk:
    if not instance.serves:
        return skipped("its command does one thing and ends")
    if instance.role == "worker" and not instance.is_on(_ACTIVE):
        return skipped(f"a worker that listens nowhere: {_ACTIVE} is not on")
    port = instance.given(_WORKER_PORT if instance.role == "worker" else "N8N_PORT") or _PORT
    return (yield from answers_ok(now, port, f"{instance.value('N8N_ENDPOINT_HEALTH')}/readiness"))


CHECKS = (
    Check(
        id="V-NEN-001",
        title="n8n is ready, with its database",
        severity="critical",
        proves="/healthz/readiness answers 200: the database is there and migrated. /healthz would answer without one.",
        mend="opsctl logs SERVICE; the database that DB_POSTGRESDB_HOST names",
        source="n8n 2.41.1 dist/abstract-server.js, dist/scaling/worker-server.js; run",
        cases=_cases,
        tags=frozenset({"deploy"}),
        software=True,
    ),
)
