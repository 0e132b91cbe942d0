"""Rules about an Alloy: who reaches it, what it remembers, and what its own cAdvisor tells."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.config_file import place_of
from opsctl.apps.image_version import version_of
from opsctl.apps.mounts import keeps
from opsctl.apps.options import flag
from opsctl.render.ports import read_port
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import ServiceView, Subject

_WORDS = ("entrypoint", "command")
_PORT = 12345
# The CMD of its Dockerfile.
_STORAGE = "/var/lib/alloy/data"
_INNER = "prometheus.exporter.cadvisor"
_INNER_HEALTH = (1, 20, 0)
_LOOPBACK = ("127.", "localhost", "[::1]")


def _views(subject: Subject) -> Iterator[ServiceView]:
    for view in subject.services():
        if view.written.app == "alloy":
            yield view


def _deaf(subject: Subject) -> Iterator[Hit]:
    for view in _views(subject):
        address = flag(view.words(*_WORDS), "server.http.listen-addr") or f"127.0.0.1:{_PORT}"
        if not address.startswith(_LOOPBACK):
            continue
        hint = f"--server.http.listen-addr=0.0.0.0:{_PORT}"
        for at, entry in enumerate(view.definition.get("ports") or ()):
            if _PORT in {int(one) for one in read_port(entry).target if str(one).isdigit()}:
                message = (
                    f"port {_PORT} is published, and Alloy listens on {address} inside the container alone"
                )
                yield about(view, view.place("ports", at), message, hint)
        for other, line in _asked(subject, view):
            message = f"{other} asks {view.name}:{_PORT}, and Alloy listens on {address} alone"
            yield about(view, view.place("command"), f"{message} (line {line})", hint)


def _asked(subject: Subject, alloy: ServiceView) -> Iterator[tuple[str, int]]:
    """Services of the host with a file that names its port, and the line there."""
    needle = f"{alloy.name}:{_PORT}"
    for view in subject.services():
        if view.host.name == alloy.host.name and view.name != alloy.name:
            for file in view.service.files:
                for number, text in enumerate(file.content.decode(errors="replace").splitlines(), start=1):
                    if needle in text:
                        yield view.name, number


def _frozen(subject: Subject) -> Iterator[Hit]:
    for view in _views(subject):
        version = version_of(view.service.asked_image or view.service.image)
        for file in view.service.files:
            for number, text in enumerate(file.content.decode(errors="replace").splitlines(), start=1):
                if text.lstrip().startswith(_INNER) and (version is None or version < _INNER_HEALTH):
                    said = ".".join(map(str, version)) if version else "of this tag"
                    message = f"the cAdvisor inside Alloy {said} tells no health, or one that never changes"
                    place = place_of(view.fleet, file, number)
                    yield about(view, place, message, "Alloy 1.20 or later, or a cAdvisor of its own")


def _again(subject: Subject) -> Iterator[Hit]:
    for view in _views(subject):
        folder = flag(view.words(*_WORDS), "storage.path") or _STORAGE
        if not keeps(view, folder):
            message = f"it remembers in {folder}, where no volume is: a new container sends old lines again"
            yield about(view, view.place("volumes"), message, f"volumes: [alloy:{folder}]")


RULES = (
    Rule(
        "ALY001",
        "apps",
        "error",
        "Alloy: a port that nobody reaches",
        "Its HTTP server listens on 127.0.0.1:12345 unless told otherwise: in a container that is reached by nothing outside.",
        "--server.http.listen-addr=0.0.0.0:12345",
        "services 9.5; grafana.com/docs/alloy, alloy run",
        _deaf,
    ),
    Rule(
        "ALY002",
        "apps",
        "warning",
        "Alloy: health of containers that never changes",
        "prometheus.exporter.cadvisor has no container_health_state before 1.14, and until 1.19 the one of the container's start.",
        "Alloy 1.20 or later, or a cAdvisor of its own.",
        "grafana/alloy CHANGELOG, issues 6742, 6926, 6928; services 9.1",
        _frozen,
    ),
    Rule(
        "ALY003",
        "apps",
        "warning",
        "Alloy: it forgets how far it read",
        "What it read of each log is kept below --storage.path. A new container reads them anew and sends lines twice.",
        "A volume at /var/lib/alloy/data.",
        "Alloy v1.18.1 Dockerfile, --storage.path",
        _again,
    ),
)
