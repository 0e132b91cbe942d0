"""What is asked of an Alertmanager: whether it is ready, with which configuration, and whether an alert gets to it."""

from __future__ import annotations

from hashlib import md5

from opsctl.apps.alertmanager.canary import heard
from opsctl.apps.alertmanager.telling import config_of
from opsctl.apps.alertmanager.where import port_of
from opsctl.checks.check import Check, Patience
from opsctl.checks.metrics import single
from opsctl.checks.paths import OK, answers_ok, at, how
from opsctl.checks.questions import Talk, failed, fetched, passed, unknown
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow

_HASH, _RELOADED = "alertmanager_config_hash", "alertmanager_config_last_reload_successful"
_HASHED = 6
"""Bytes of the MD5 that the metric has, the lowest first: as many as a float holds (config/coordinator.go, 0.25 and 0.34)."""


def _ready(one: ServiceNow) -> Talk:
    return (yield from answers_ok(one, port_of(one), "/-/ready"))


def _running(one: ServiceNow) -> Talk:
    file = config_of(one.view)
    if file is None:
        return unknown("opsctl mounts no alertmanager.yml to compare with")
    answer = yield from fetched(at(one, port_of(one), "/metrics"))
    if answer.status != OK:
        return unknown(f"/metrics: {how(answer)}")
    running = single(answer.text, _HASH)
    if running is None:
        return unknown(f"it does not tell {_HASH}")
    if running == hash_of(file.file.content):
        return passed()
    if single(answer.text, _RELOADED) == 0:
        return failed("it did not take the file at its last reload, and goes on with an older one")
    return failed("it runs with another configuration than the rendered file: it was not read anew")


def hash_of(content: bytes) -> float:
    """As Alertmanager tells of the configuration that it runs with."""
    return float(int.from_bytes(md5(content, usedforsecurity=False).digest()[:_HASHED], "little"))


CHECKS = (
    Check(
        id="V-ALM-001",
        title="Alertmanager is ready",
        severity="critical",
        proves="/-/ready answers 200: it takes alerts.",
        mend="opsctl logs SERVICE",
        source="Alertmanager 0.25.0 (run)",
        cases=asked_of_each("alertmanager", _ready),
        tags=frozenset({"deploy"}),
        patience=Patience(deadline=15.0, interval=2.0),
        software=True,
    ),
    Check(
        id="V-ALM-002",
        title="Alertmanager runs with the rendered configuration",
        severity="high",
        proves="What it hashed when it last read its file is the file as it was rendered, byte by byte. /api/v2/status would show "
        "it with all defaults and without secrets.",
        mend="opsctl logs SERVICE: why it refused the file; kill -HUP, or opsctl deploy",
        source=f"{_HASH} of Alertmanager 0.25.0 (run); config/coordinator.go",
        cases=asked_of_each("alertmanager", _running),
        tags=frozenset({"deploy", "nightly"}),
        patience=Patience(deadline=15.0, interval=2.0),
        software=True,
    ),
    Check(
        id="V-ALM-003",
        title="An unhealthy container becomes an alert",
        severity="critical",
        proves="A container whose healthcheck fails was announced to Alertmanager within five minutes: Docker, cAdvisor, "
        "VictoriaMetrics and vmalert all did their part. Who gets the messages is told of it, which is the rest of the proof.",
        mend="V-CAD-001, V-VMT-001 and V-VMT-002 tell where the way ends; docs/stacks/monitoring.md has the sum of its parts",
        source="GET /api/v2/alerts of Alertmanager 0.25.0; the whole way but cAdvisor, in whose place a stand-in told what the engine "
        "says (run)",
        cases=asked_of_each("alertmanager", heard),
        tags=frozenset({"nightly"}),
        timeout=420.0,
        software=True,
        on_request=True,
    ),
)
