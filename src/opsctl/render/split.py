"""The parsed compose document, checked against what was asked, and split into desired services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opsctl.model.values import parse_size
from opsctl.render.draft import OWN_LABEL_PREFIX, Draft
from opsctl.render.ports import published
from opsctl.state.desired import Dependency, DesiredService

_SHARING = ("network_mode", "ipc", "pid")


def desired_service(
    draft: Draft, mapping: Mapping[str, Any], declared_volumes: Iterable[str]
) -> DesiredService:
    """What the plan needs to know of a service, read from its final mapping. Raises ValueError."""
    final = _labelled(mapping)
    if final.get("build"):
        raise ValueError("the compose template gives it `build`; write build in the stack file")
    if not isinstance(final.get("image"), str) or not final["image"]:
        raise ValueError("the service has no image")
    return DesiredService(
        name=draft.name,
        stack=draft.stack,
        source=str(draft.place),
        image=final["image"],
        definition=final,
        env=dict(sorted(draft.env.items())),
        files=draft.files,
        merges=draft.merges,
        kind=draft.service.kind,
        on_demand=draft.service.start == "on_demand",
        depends_on=dict(_dependencies(final)),
        shares=frozenset(_shares(final)),
        networks=networks_of(final),
        volumes=tuple(name for name in dict.fromkeys(named_volumes(final)) if name in set(declared_volumes)),
        ports=published(final.get("ports") or ()),
        container_name=str(final.get("container_name") or ""),
        memory_limit=_size(final, "limits", "mem_limit"),
        memory_reservation=_size(final, "reservations", "mem_reservation"),
        memory_peak=draft.service.memory.peak,
        health_timeout=draft.service.wait.timeout,
        secrets=draft.secrets,
        mentions=draft.mentions,
        build=draft.build if draft.build and final["image"] == draft.build.image else None,
        settle=draft.service.wait.settle,
        databases=draft.databases,
        uses={name: one.database for name, one in draft.service.connections.items()},
        checks=draft.checks,
    )


def _labelled(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with its labels as text by text."""
    final = {**mapping, "labels": pairs(mapping["labels"])} if mapping.get("labels") else dict(mapping)
    if own := [name for name in final.get("labels", {}) if name.startswith(OWN_LABEL_PREFIX)]:
        raise ValueError(
            f"labels that begin with {OWN_LABEL_PREFIX!r} belong to opsctl: {', '.join(sorted(own))}"
        )
    return final


def networks_of(mapping: Mapping[str, Any]) -> tuple[str, ...]:
    """The networks a service is attached to, by their names in the file; Compose's `default` where none is named."""
    if mapping.get("network_mode"):
        return ()
    return tuple(sorted(mapping.get("networks") or ("default",)))


def named_volumes(mapping: Mapping[str, Any]) -> Iterator[str]:
    """The named volumes of a service's mounts, in Compose's short and long forms."""
    for entry in mapping.get("volumes") or ():
        if isinstance(entry, Mapping):
            if entry.get("type") == "volume" and entry.get("source"):
                yield str(entry["source"])
        else:
            source, colon, _ = str(entry).partition(":")
            if colon and source[:1] not in {"/", ".", "~", ""}:
                yield source


def pairs(value: Any) -> dict[str, str]:
    """Compose's list form (`- KEY=value`) or mapping form of labels, as text by text. Raises ValueError."""
    if isinstance(value, Mapping):
        return {str(key): _text(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return {key: entry for key, _, entry in (str(item).partition("=") for item in value)}
    raise ValueError("labels are a mapping or a list of KEY=value")


def _text(value: Any) -> str:
    """A scalar as Compose writes it into a label."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _dependencies(mapping: Mapping[str, Any]) -> Iterator[tuple[str, Dependency]]:
    entries = mapping.get("depends_on") or {}
    for name in sorted(entries):
        entry = entries[name] if isinstance(entries, Mapping) else {}
        yield name, Dependency(entry.get("condition", "service_started"), bool(entry.get("restart", False)))


def _shares(mapping: Mapping[str, Any]) -> Iterator[str]:
    for key in _SHARING:
        kind, _, name = str(mapping.get(key) or "").partition(":")
        if kind == "service" and name:
            yield name
    for entry in mapping.get("volumes_from") or ():
        if not str(entry).startswith("container:"):
            yield str(entry).partition(":")[0]


def _size(mapping: Mapping[str, Any], section: str, key: str) -> int | None:
    """Bytes that a service may take (or asks for), wherever Compose lets it be said."""
    resources = (mapping.get("deploy") or {}).get("resources") or {}
    said = mapping.get(key, (resources.get(section) or {}).get("memory"))
    return None if said is None else parse_size(said)
