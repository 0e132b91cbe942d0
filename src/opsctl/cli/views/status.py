"""How an environment is right now: a table for each host, worst first, and a line about the host itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Column, Line, Span, Style, Table, line, without_empty
from opsctl.cli.views.figures import age, bar, count, percent, size
from opsctl.flows.status import HostStatus, ServiceStatus, StatusReport
from opsctl.state.observed import Resources

_NEARLY_FULL = 0.9
_BAR = 6
_COLUMNS = (
    Column("service", least=12),
    Column("state"),
    Column("up", align="right"),
    Column("memory"),
    Column("", align="right"),
    Column("remarks", least=16),
    Column("image", least=24, optional=True),
)


def status_view(report: StatusReport) -> Iterator[Block]:
    for host in report.hosts:
        if host is not report.hosts[0]:
            yield BLANK
        yield from _host(host)


def _host(host: HostStatus) -> Iterator[Block]:
    if host.error:
        yield line(Span(host.host, "strong"), "  ", Span("could not be looked at", "bad"))
        return
    yield (Span(host.host, "strong"), *_resources(host.resources))
    if host.services:
        yield without_empty(Table(_COLUMNS, tuple(map(_row, host.services)), indent=2))
    for note in host.notes:
        yield line(Span("note  ", "warn"), note, indent=2)


def _resources(have: Resources) -> Line:
    return (
        *_filling("memory", have.memory_total - have.memory_available, have.memory_total),
        *_filling("disk", have.disk_total - have.disk_available, have.disk_total),
    )


def _filling(what: str, used: int, total: int) -> Line:
    if not total:
        return ()
    share = used / total
    style: Style = "bad" if share >= _NEARLY_FULL else ""
    return Span(f"  {what} "), Span(bar(share, _BAR), style), Span(f" {size(used)} of {size(total)}")


def _row(service: ServiceStatus) -> tuple[Span, ...]:
    return (
        Span(service.service, "bad" if service.bad else ""),
        state_span(service),
        Span("-" if service.uptime is None else age(service.uptime)),
        *_memory(service),
        _remarks(service),
        Span(short_image(service.image), "dim"),
    )


def state_span(service: ServiceStatus) -> Span:
    """The state in words: `healthy`, `exited 137`, `missing`."""
    words = service.health or service.state
    if service.state not in {"running", "missing"}:
        words = service.state + ("" if service.exit_code is None else f" {service.exit_code}")
    if service.bad:
        return Span(words, "bad")
    if service.mark:
        return Span(words, "dim")
    return Span(words, "warn" if service.health == "starting" else "good")


def _remarks(service: ServiceStatus) -> Span:
    """What else there is to say: a mark, restarts by the engine, another image than the lock has, drift."""
    marks = [service.mark] if service.mark and service.mark != service.state else []
    restarts = [count(service.restarts, "restart")] if service.restarts else []
    other = ["not the locked image"] if service.pin == "other" else []
    drift = [f"drift: {service.drift}"] if service.drift else []
    return Span(
        ", ".join([*marks, *restarts, *other, *drift]), "warn" if restarts or other or drift else "dim"
    )


def _memory(service: ServiceStatus) -> tuple[Span, Span]:
    used, limit = service.memory_used, service.memory_limit
    if used is None:
        return Span("-", "dim"), Span("")
    if not limit:
        return Span(size(used)), Span("no limit", "dim")
    share = used / limit
    style: Style = "bad" if share >= _NEARLY_FULL else "good"
    return Span(bar(share, _BAR), style), Span(f"{percent(share)} of {size(limit)}")


def short_image(image: str) -> str:
    """Without the registry's host and with 8 digits of a digest: enough to tell two versions apart."""
    name, _, digest = image.partition("@sha256:")
    head, slash, rest = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        name = rest
    return f"{name}@{digest[:8]}" if digest else name


def status_json(report: StatusReport) -> dict[str, Any]:
    return {
        "environment": report.environment,
        "hosts": [
            {
                "host": host.host,
                "reached": host.error is None,
                "resources": _resources_json(host.resources) if host.error is None else None,
                "services": [service_json(service) for service in host.services],
                "notes": list(host.notes),
            }
            for host in report.hosts
        ],
    }


def _resources_json(have: Resources) -> dict[str, int]:
    return {
        "memory_total": have.memory_total,
        "memory_available": have.memory_available,
        "disk_total": have.disk_total,
        "disk_available": have.disk_available,
    }


def service_json(service: ServiceStatus) -> dict[str, Any]:
    return {
        "service": service.service,
        "state": service.state,
        "health": service.health or None,
        "bad": service.bad,
        "mark": service.mark or None,
        "uptime": service.uptime,
        "image": service.image,
        "memory_used": service.memory_used,
        "memory_limit": service.memory_limit,
        "restarts": service.restarts,
        "exit_code": service.exit_code,
        "drift": service.drift or None,
        "pin": service.pin,
    }
