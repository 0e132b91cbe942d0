"""Rules about VictoriaMetrics: how long it keeps what, in how much memory, and whom it asks."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.mounts import keeps
from opsctl.apps.victoriametrics.server import Metrics, servers
from opsctl.apps.victoriametrics.spans import retention_seconds
from opsctl.model.values import Unfit, parse_size
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

# /victoria-metrics-data of the working folder, which is / in the image (app/victoria-metrics/deployment/Dockerfile).
_DATA = "/victoria-metrics-data"
_MIB = 1024 * 1024


def _months(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        retention = server.flag("retentionPeriod")
        if retention and retention_seconds(retention) is None:
            months = f"{retention} months" if retention.replace(".", "", 1).isdigit() else "no span"
            yield server.hit(
                f"-retentionPeriod={retention} is {months}", "write its unit: 30d, 6M, 1y", "command"
            )


def _beyond(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        limit, asked = server.view.service.memory_limit, server.flag("memory.allowedBytes")
        try:
            allowed = parse_size(asked) if asked else 0
        except Unfit:
            continue
        if limit and allowed >= limit:
            message = f"-memory.allowedBytes={asked} for caches is not below the memory limit of {limit // _MIB} MiB"
            yield server.hit(
                message, "leave it out: 60 % of the limit is the default, and it sees the limit", "command"
            )


def _homeless(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        folder = "/" + server.flag("storageDataPath").strip("/") if server.flag("storageDataPath") else _DATA
        if not keeps(server.view, folder):
            message = f"it stores in {folder}, where no volume is: the metrics go with the container"
            yield server.hit(
                message, f"volumes: [metrics:{folder}], and metrics: below volumes of the stack", "volumes"
            )


def _nobody(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        for file, path, target in server.targets():
            name = target.partition(":")[0]
            if "." not in name and name not in _names(server):
                message = f"it asks {target}, and no service of {server.view.host.name} has that name"
                yield file.hit(message, "name a service of the host, or an address", *path)


def _names(server: Metrics) -> set[str]:
    host = server.view.host
    return {"localhost", *host.services, *(one.container_name for one in host.services.values())}


_FLAGS = "VictoriaMetrics v1.150.0"
RULES = (
    Rule(
        "VMT001",
        "apps",
        "warning",
        "VictoriaMetrics: a retention in months",
        "A number without a unit is months: 30 keeps two and a half years, and the disk fills.",
        "Write the unit.",
        f"{_FLAGS} lib/flagutil/duration.go",
        _months,
    ),
    Rule(
        "VMT002",
        "apps",
        "error",
        "VictoriaMetrics: caches beyond the memory limit",
        "memory.allowedBytes bounds the caches alone. Where the container may have no more than that, VictoriaMetrics ends at its "
        "start, or the kernel ends it.",
        "Leave it out, or raise the limit.",
        f"{_FLAGS} lib/memory/memory.go 54",
        _beyond,
    ),
    Rule(
        "VMT003",
        "apps",
        "error",
        "VictoriaMetrics: metrics that go with the container",
        "A new container begins with no history: the alerts about a week have nothing to look at.",
        "A volume where -storageDataPath points.",
        "app/victoria-metrics/deployment/Dockerfile; compose-traps",
        _homeless,
    ),
    Rule(
        "VMT004",
        "apps",
        "error",
        "VictoriaMetrics: a target that is not there",
        "It cannot be scraped: an alert about it never fires, but for the one that says so.",
        "Name a service of the host, or an address with a dot.",
        "opsctl; docs.docker.com, names in networks",
        _nobody,
    ),
)
