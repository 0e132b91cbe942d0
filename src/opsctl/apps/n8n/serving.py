"""Rules about who asks an n8n: its healthcheck, and the proxy in front of it."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.n8n.instance import instances
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

PROBE = ("CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5678/healthz/readiness")
_HOPS = "N8N_PROXY_HOPS"
_ACTIVE = "QUEUE_HEALTH_CHECK_ACTIVE"


def _blind(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        probe, path = instance.view.probe, instance.value("N8N_ENDPOINT_HEALTH")
        if path not in probe:
            continue
        if instance.role == "worker" and not instance.is_on(_ACTIVE):
            text = f"its probe asks a worker that listens nowhere: {_ACTIVE} is not on"
            yield instance.hit(text, f'{_ACTIVE}: "true"', "healthcheck")
        elif f"{path}/readiness" not in probe:
            text = f"its probe asks {path}, which answers 200 without a database too"
            yield instance.hit(text, f"ask {path}/readiness", "healthcheck")


def _hidden(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        if instance.view.written.site and not instance.is_hidden(_HOPS) and instance.number(_HOPS) < 1:
            text = f"stands behind a proxy, and {_HOPS} is 0: every caller has the proxy's address"
            yield instance.hit(text, f'{_HOPS}: "1"', *(instance.at(_HOPS) or ("env",)))


RULES = (
    Rule(
        "N8N011",
        "apps",
        "warning",
        "n8n: a probe that proves little",
        "/healthz answers as soon as n8n listens, while the database is away or still migrated. A worker has no such server unless "
        "QUEUE_HEALTH_CHECK_ACTIVE is on.",
        "wget to http://127.0.0.1:5678/healthz/readiness: 503 until the database is there and migrated, and whenever it is gone.",
        "n8n 2.41.1 dist/abstract-server.js, dist/scaling/worker-server.js; run; services 3, 13",
        _blind,
    ),
    Rule(
        "N8N012",
        "apps",
        "warning",
        "n8n: a proxy that it does not know of",
        "n8n limits logins by the caller's address. Behind a proxy that it does not trust, that is the proxy's: one who guesses "
        "passwords locks everybody out.",
        'N8N_PROXY_HOPS: "1" behind one Caddy.',
        "n8n 2.41.1 dist/abstract-server.js: trust proxy; services 3",
        _hidden,
    ),
)
