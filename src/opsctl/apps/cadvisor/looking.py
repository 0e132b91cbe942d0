"""Rules about a cAdvisor: whether what it tells of health and restarts is so, and whether it sees the containers at all."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.health_state import METRIC, asks_restarts
from opsctl.apps.image_version import version_of
from opsctl.apps.mounts import mounts
from opsctl.apps.options import flag
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import ServiceView, Subject

_WORDS = ("entrypoint", "command")
_TRUE_HEALTH, _TRUE_START, _MOVED = (0, 55, 0), (0, 57, 0), (0, 53, 0)
_SERVICE_LABEL = "com.docker.compose.service"
_SOCKETS = ("/var/run", "/run", "/var/run/docker.sock", "/run/docker.sock")


def _views(subject: Subject) -> Iterator[ServiceView]:
    for view in subject.services():
        if view.written.app == "cadvisor":
            yield view


def _version(view: ServiceView) -> tuple[int, int, int] | None:
    return version_of(view.service.asked_image or view.service.image)


def _frozen(subject: Subject) -> Iterator[Hit]:
    for view in _views(subject):
        version = _version(view)
        if version and version < _TRUE_HEALTH:
            message = f"{METRIC} of this version is that of the container's start, or not there"
            yield about(view, view.place("image"), message, "0.55.1 or later")


def _created(subject: Subject) -> Iterator[Hit]:
    for view in _views(subject):
        version = _version(view)
        if version and _TRUE_HEALTH <= version < _TRUE_START and _counted(subject, view.host.name):
            message = "no restart changes container_start_time_seconds of this version: the alert on restarts never fires"
            yield about(view, view.place("image"), message, "0.57.0 or later")


def _counted(subject: Subject, host: str) -> bool:
    """Whether an alert of the host counts restarts."""
    return any(
        asks_restarts(file.content.decode(errors="replace"))
        for view in subject.services()
        if view.host.name == host and view.written.app in {"vmalert", "grafana"}
        for file in view.service.files
    )


def _unpublished(subject: Subject) -> Iterator[Hit]:
    for view in _views(subject):
        try:
            reference = parse_reference(view.service.asked_image or view.service.image)
        except Unfit:
            continue
        version = _version(view)
        if reference.registry == "ghcr.io" and reference.tag.startswith("v"):
            yield about(
                view,
                view.place("image"),
                "its tags on ghcr.io have no v",
                f"ghcr.io/google/cadvisor:{reference.tag[1:]}",
            )
        elif reference.registry == "gcr.io" and version and version >= _MOVED:
            message = "since 0.53 cAdvisor is published on ghcr.io only"
            yield about(
                view,
                view.place("image"),
                message,
                f"ghcr.io/google/cadvisor:{reference.tag.removeprefix('v')}",
            )


def _blind(subject: Subject) -> Iterator[Hit]:
    for view in _views(subject):
        if not {one.target for one in mounts(view)} & set(_SOCKETS):
            message = "it does not see the engine's socket: no names, no labels, no health"
            yield about(view, view.place("volumes"), message, "volumes: [/var/run:/var/run:ro, …]")


def _nameless(subject: Subject) -> Iterator[Hit]:
    for view in _views(subject):
        words = view.words(*_WORDS)
        allowed = flag(words, "whitelisted_container_labels").split(",")
        if flag(words, "store_container_labels") == "false" and _SERVICE_LABEL not in allowed:
            message = (
                f"{_SERVICE_LABEL} is no label of its metrics: an alert cannot tell which service is gone"
            )
            yield about(
                view,
                view.place("command"),
                message,
                f"--whitelisted_container_labels=com.docker.compose.project,{_SERVICE_LABEL}",
            )


_METRICS = "cadvisor v0.60.5 lib/metrics/prometheus.go"
RULES = (
    Rule(
        "CAD001",
        "apps",
        "warning",
        "cAdvisor: health that is not so",
        "Before 0.54 there is no container_health_state; 0.54 tells the one that the container had at its start, and 0 for containers "
        "without a healthcheck.",
        "0.55.1 or later.",
        "google/cadvisor PR 3760; services 9.1",
        _frozen,
    ),
    Rule(
        "CAD002",
        "apps",
        "warning",
        "cAdvisor: restarts that are not seen",
        "Until 0.56 container_start_time_seconds is when the container was created; a restart does not change that.",
        "0.57.0 or later.",
        "cadvisor 711f2bec (first in v0.57.0), container/docker/handler.go 254",
        _created,
    ),
    Rule(
        "CAD003",
        "apps",
        "warning",
        "cAdvisor: a tag that is not there",
        "From 0.53 the image is ghcr.io/google/cadvisor, and its tags have no v; before, gcr.io/cadvisor/cadvisor with a v.",
        "ghcr.io/google/cadvisor:0.60.5",
        "services 9.1, 12",
        _unpublished,
    ),
    Rule(
        "CAD004",
        "apps",
        "error",
        "cAdvisor: it cannot ask the engine",
        "Names, labels and health come from the engine, by its socket in /var/run. Without it there are only cgroups.",
        "/:/rootfs:ro, /var/run:/var/run:ro, /sys:/sys:ro, /var/lib/docker:/var/lib/docker:ro, and privileged.",
        "cadvisor v0.60.5 container/docker/handler.go 350; services 9.1",
        _blind,
    ),
    Rule(
        "CAD005",
        "apps",
        "warning",
        "cAdvisor: metrics without the name of the service",
        "With store_container_labels=false only the labels that are listed are told.",
        "List com.docker.compose.project and com.docker.compose.service.",
        f"{_METRICS} 2234; cmd/cadvisor.go 69",
        _nameless,
    ),
)
