"""The engine's JSON as values. Field names are those of the Engine API 1.41 (20.10) and later."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from opsctl.model.references import BUILT_HERE
from opsctl.state.observed import (
    BUILD_LABEL,
    ContainerState,
    Health,
    Inspected,
    Mount,
    ObservedContainer,
    ObservedNetwork,
    ObservedVolume,
    PublishedPort,
)

_EXITED = re.compile(r"(?:Exited|Restarting) \((-?\d+)\)")
_HEALTH = re.compile(r"\((healthy|unhealthy|health: starting)\)")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


def containers(body: Iterable[Mapping[str, Any]]) -> tuple[ObservedContainer, ...]:
    """From GET /containers/json, sorted by name."""
    return tuple(sorted(map(_container, body), key=lambda one: (one.name, one.id)))


def _container(entry: Mapping[str, Any]) -> ObservedContainer:
    status = str(entry.get("Status") or "")
    networks = (entry.get("NetworkSettings") or {}).get("Networks") or {}
    return ObservedContainer(
        id=str(entry["Id"]),
        name=next((str(name).lstrip("/") for name in entry.get("Names") or ()), ""),
        image=str(entry.get("Image") or ""),
        image_id=str(entry.get("ImageID") or ""),
        state=cast(ContainerState, str(entry.get("State") or "dead")),
        health=health_of(status),
        created=float(entry.get("Created") or 0),
        labels=dict(entry.get("Labels") or {}),
        networks=frozenset(networks),
        ports=tuple(_ports(entry.get("Ports") or ())),
        mounts=tuple(_mounts(entry.get("Mounts") or ())),
        exit_code=exit_code_of(status),
    )


def health_of(status: str) -> Health:
    """From the list's status text, for instance "Up 3 minutes (health: starting)"."""
    found = _HEALTH.search(status)
    return cast(Health, found[1].removeprefix("health: ")) if found else ""


def exit_code_of(status: str) -> int | None:
    """From the list's status text, for instance "Exited (137) 2 days ago"."""
    found = _EXITED.match(status)
    return int(found[1]) if found else None


def _ports(entries: Iterable[Mapping[str, Any]]) -> Iterable[PublishedPort]:
    held = {
        PublishedPort(str(one.get("IP") or ""), int(one["PublicPort"]), str(one.get("Type") or "tcp"))
        for one in entries
        if one.get("PublicPort")
    }
    return sorted(held, key=lambda port: (port.published, port.protocol, port.address))


def _mounts(entries: Iterable[Mapping[str, Any]]) -> Iterable[Mount]:
    for one in entries:
        kind = str(one.get("Type") or "")
        source = one.get("Name") if kind == "volume" else one.get("Source")
        yield Mount(kind, str(source or ""), str(one.get("Destination") or ""))


def inspected(body: Mapping[str, Any]) -> Inspected:
    """From GET /containers/{id}/json."""
    state = body.get("State") or {}
    log = (state.get("Health") or {}).get("Log") or ()
    return Inspected(
        started_at=seconds(state.get("StartedAt")),
        finished_at=seconds(state.get("FinishedAt")),
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        restart_count=int(body.get("RestartCount") or 0),
        pid=int(state.get("Pid") or 0),
        env=environment(body),
        memory_limit=int((body.get("HostConfig") or {}).get("Memory") or 0),
        health_log=tuple(_probe(entry) for entry in log),
    )


def _probe(entry: Mapping[str, Any]) -> str:
    code, said = int(entry.get("ExitCode") or 0), str(entry.get("Output") or "").strip()
    return said if code == 0 else f"exit {code}: {said}".rstrip(": ")


def environment(body: Mapping[str, Any]) -> dict[str, str]:
    """The environment of an inspected container or image."""
    entries = (body.get("Config") or {}).get("Env") or ()
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def created(body: Mapping[str, Any]) -> float:
    """When an inspected container was created, to the fraction of a second that the list leaves out."""
    return seconds(body.get("Created"))


def networks(body: Iterable[Mapping[str, Any]]) -> dict[str, ObservedNetwork]:
    """From GET /networks, by name."""
    return {
        str(one["Name"]): ObservedNetwork(str(one["Name"]), dict(one.get("Labels") or {}), str(one["Id"]))
        for one in body
    }


def volumes(body: Mapping[str, Any]) -> dict[str, ObservedVolume]:
    """From GET /volumes, by name."""
    return {
        str(one["Name"]): ObservedVolume(
            name=str(one["Name"]),
            driver=str(one.get("Driver") or "local"),
            options=dict(one.get("Options") or {}),
            labels=dict(one.get("Labels") or {}),
        )
        for one in body.get("Volumes") or ()
    }


def images(body: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """From GET /images/json: image ids by every tag and digest."""
    return {
        str(reference): str(one["Id"])
        for one in body
        for reference in (*(one.get("RepoTags") or ()), *(one.get("RepoDigests") or ()))
        if not str(reference).startswith("<none>")
    }


def built(body: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """From GET /images/json: image ids by the hash in opsctl's label.

    An image that somebody made from such a one inherits the label: the one with our name counts, else the oldest.
    """
    found: dict[str, tuple[bool, float, str]] = {}
    for one in body:
        if label := (one.get("Labels") or {}).get(BUILD_LABEL):
            tags = one.get("RepoTags") or ()
            ours = any(tag.startswith(f"{BUILT_HERE}/") and tag.endswith(f":{label[:12]}") for tag in tags)
            rank = (not ours, float(one.get("Created") or 0), str(one["Id"]))
            found[label] = min(found.get(label, rank), rank)
    return {label: identity for label, (_, _, identity) in found.items()}


def seconds(text: object) -> float:
    """Seconds since the epoch from the engine's RFC 3339 with nanoseconds; 0 for its zero time and for none."""
    found = _TIME.fullmatch(str(text or ""))
    if not found or found[1].startswith("0001-"):
        return 0.0
    whole = datetime.fromisoformat(found[1] + ("+00:00" if found[3] == "Z" else found[3]))
    return whole.astimezone(UTC).timestamp() + float("0" + (found[2] or ".0"))
