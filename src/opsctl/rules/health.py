"""Rules about health: who notices that a service is down, how soon, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit, parse_duration
from opsctl.rules.probe_tools import bare, missing_tool
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import ServiceView, Subject

_NOTICED_WITHIN = 300.0
"""Seconds: the audit asks that an unhealthy container is noticed within five minutes."""
# Engine defaults of a healthcheck (moby daemon/health.go): interval 30 s, 3 retries, start_period 0.
_INTERVAL, _RETRIES = 30.0, 3
_STATEFUL = ("postgres", "mysql", "mariadb", "redis", "valkey", "mongo", "qdrant", "victoria-metrics", "loki")


def _unwatched(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        if view.service.kind == "service" and not view.service.on_demand and not view.service.has_healthcheck:
            message = "no healthcheck"
            hint = "healthcheck: {test: [CMD, …], interval: 30s}; one that the image brings is not seen here"
            yield _hit(view, message, hint)


def _slow(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        check = view.definition.get("healthcheck")
        if not view.service.has_healthcheck or not isinstance(check, dict):
            continue
        within = _seconds(check.get("interval"), _INTERVAL) * int(check.get("retries") or _RETRIES)
        within += _seconds(check.get("timeout"), 30.0)
        if within > _NOTICED_WITHIN:
            message = f"its healthcheck notices after {within:.0f} s"
            yield _hit(view, message, "interval times retries + timeout within 300s", "healthcheck")


def _unwaited(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        for name, dependency in view.service.depends_on.items():
            target = view.host.services.get(name)
            if target and target.has_healthcheck and dependency.condition == "service_started":
                message = f"depends on {name} without waiting for its health"
                hint = f"depends_on: {{{name}: {{condition: service_healthy}}}}"
                yield _hit(view, message, hint, "depends_on", name)


def _hasty(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        image = view.service.asked_image.rpartition("/")[2]
        keeps = image.startswith(_STATEFUL) and "exporter" not in image
        if keeps and not view.definition.get("stop_grace_period"):
            if view.service.kind == "job" or view.service.on_demand:
                continue
            message = "keeps data, and has 10 s to end"
            yield _hit(view, message, "stop_grace_period: 60s")


def _toolless(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        try:
            reference = parse_reference(view.service.asked_image or view.service.image)
        except Unfit:
            continue
        lacking = bare(reference)
        if lacking is None or not view.probe:
            continue
        tool = missing_tool(view.probe, lacking, by_shell=_by_shell(view))
        if tool:
            message = f"its healthcheck needs {tool}, which {reference.familiar_name} does not have"
            yield _hit(view, message, f"test: {lacking.works}", "healthcheck")


def _by_shell(view: ServiceView) -> bool:
    test = view.definition["healthcheck"]["test"]
    return isinstance(test, str) or test[:1] == ["CMD-SHELL"]


def _seconds(value: object, default: float) -> float:
    if value in {None, ""}:
        return default
    try:
        return float(parse_duration(value))
    except Unfit:
        return default


def _hit(view: ServiceView, message: str, hint: str, *path: str) -> Hit:
    return about(view, view.place(*path), message, hint)


RULES = (
    Rule(
        "HLT001",
        "health",
        "warning",
        "a service that nobody watches",
        "Without a healthcheck a container that runs counts as well, whatever the program in it does; a deploy waits only for it "
        "to stay up.",
        "Give it a healthcheck with what is in its image.",
        "audit: container healthcheck failures; compose-traps 13",
        _unwatched,
    ),
    Rule(
        "HLT002",
        "health",
        "warning",
        "a healthcheck that notices too late",
        "What is down for longer than five minutes is noticed by people first.",
        "interval times retries + timeout within five minutes.",
        "audit: detect an unhealthy container within 5 minutes",
        _slow,
    ),
    Rule(
        "HLT003",
        "health",
        "warning",
        "a dependency that is not waited for",
        "service_started is over as soon as the process runs; the program then meets a database that does not answer yet.",
        "condition: service_healthy",
        "docs.docker.com, control startup order",
        _unwaited,
    ),
    Rule(
        "HLT004",
        "health",
        "warning",
        "a store that is killed after ten seconds",
        "Docker kills what has not ended 10 s after it was told to; a database then recovers at its next start, or loses what "
        "was not written.",
        "stop_grace_period: 60s",
        "moby: default stop timeout 10 s; audit: stop_grace_period for phase B",
        _hasty,
    ),
    Rule(
        "HLT005",
        "health",
        "error",
        "a healthcheck with a tool that its image does not have",
        "The check fails for ever: the container is never healthy, a deploy waits for it and fails, and whoever depends on it does "
        "not start.",
        "Ask with what is in the image; the finding says how.",
        "facts: services 0 (29), 13; opsctl.rules.probe_tools has the images, read in their Dockerfiles and docs, not run",
        _toolless,
    ),
)
