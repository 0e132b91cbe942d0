"""What is wrong between the services of one host: names, dependencies, ports, networks and volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from opsctl.inputs.scopes import Member, Scope
from opsctl.model.fleet import Place
from opsctl.model.nearest import nearest
from opsctl.render.ports import Port, read_port
from opsctl.render.split import named_volumes


def check_together(scope: Scope) -> None:
    if scope.host:
        _check_doubles(scope)
        _check_definitions(scope)
    _check_container_names(scope)
    _check_networks(scope)
    _check_volumes(scope)
    _check_ports(scope)


def _check_doubles(scope: Scope) -> None:
    """Two stacks of a host that define one service."""
    owner: dict[str, str] = {}
    for stack in scope.stacks:
        for name in sorted(scope.draft.services[stack]):
            if owner.setdefault(name, stack) != stack:
                first = scope.draft.in_stack(scope.environment, owner[name], "services", name)
                scope.draft.add(
                    scope.draft.in_stack(scope.environment, stack, "services", name),
                    f"services.{name}: the stack {owner[name]!r} has this service too ({first}), and the host "
                    f"{scope.host!r} runs both",
                    "a host has each service once: rename one, or split the stacks",
                )


def _check_definitions(scope: Scope) -> None:
    """A network or volume that two stacks of a host define is one thing; they must agree."""
    for part in ("networks", "volumes"):
        first: dict[str, tuple[dict[str, Any], Place]] = {}
        for stack, file in scope.stacks.items():
            entries: Mapping[str, dict[str, Any]] = getattr(file, part)
            for name, entry in entries.items():
                place = scope.draft.in_stack(scope.environment, stack, part, name)
                other, at = first.setdefault(name, (entry, place))
                if other != entry:
                    message = f"{part}.{name}: defined otherwise in {at}, and the host {scope.host!r} runs both stacks"
                    scope.draft.add(place, message, "make them alike, or give one another name")


def _check_container_names(scope: Scope) -> None:
    owner: dict[str, Place] = {}
    for member in scope.members():
        name = member.service.compose.get("container_name")
        if not isinstance(name, str):
            continue
        place = scope.place(member, "compose", "container_name")
        if owner.setdefault(name, place) is not place:
            scope.draft.add(
                place, f"services.{member.name}: the container name {name!r} is taken ({owner[name]})"
            )


def _check_networks(scope: Scope) -> None:
    for member in scope.members():
        networks = member.service.compose.get("networks")
        if not isinstance(networks, list | Mapping):
            continue
        for index, name in enumerate(networks):
            if (
                isinstance(name, str)
                and name != "default"
                and name not in scope.networks
                and "{{" not in name
            ):
                at = index if isinstance(networks, list) else name
                scope.draft.add(
                    scope.place(member, "compose", "networks", at),
                    f"services.{member.name}: there is no network {name!r} {scope.where}",
                    nearest(name, scope.networks) or f"define it: networks: {{{name}: {{}}}}",
                )


def _check_volumes(scope: Scope) -> None:
    for member in scope.members():
        volumes = member.service.compose.get("volumes")
        for index, entry in enumerate(volumes if isinstance(volumes, list) else ()):
            for name in named_volumes({"volumes": [entry]}):
                if name not in scope.volumes and "{{" not in name:
                    scope.draft.add(
                        scope.place(member, "compose", "volumes", index),
                        f"services.{member.name}: there is no volume {name!r} {scope.where}",
                        nearest(name, scope.volumes) or f"define it: volumes: {{{name}: {{}}}}",
                    )


@dataclass(frozen=True, slots=True)
class _Published:
    """A published port or range of one entry of `ports`."""

    address: str
    first: int
    last: int
    protocol: str
    service: str
    place: Place

    def clash(self, other: _Published) -> str:
        """The ports both would hold, or ""."""
        first, last = max(self.first, other.first), min(self.last, other.last)
        if self.protocol != other.protocol or first > last or not _overlap(self.address, other.address):
            return ""
        return f"{first}/{self.protocol}" if first == last else f"{first}-{last}/{self.protocol}"


def _overlap(one: str, two: str) -> bool:
    """No address means all of both families; 0.0.0.0 and :: all of one."""
    if one == two or "" in {one, two}:
        return True
    return (":" in one) == (":" in two) and bool({one, two} & {"0.0.0.0", "::"})  # noqa: S104 compared, not bound


def _check_ports(scope: Scope) -> None:
    entries = [entry for member in scope.members() for entry in _published(scope, member)]
    for one, two in combinations(entries, 2):
        if ports := one.clash(two):
            owner = "twice" if one.service == two.service else f"by {one.service} too"
            scope.draft.add(
                two.place,
                f"services.{two.service}: port {ports} is published {owner} ({one.place})",
                "two containers of a host cannot hold one port: publish another, or on another address",
            )


def _published(scope: Scope, member: Member) -> Iterator[_Published]:
    ports = member.service.compose.get("ports")
    for index, entry in enumerate(ports if isinstance(ports, list) else ()):
        if "{{" in str(entry):
            continue
        place = scope.place(member, "compose", "ports", index)
        try:
            port = read_port(entry)
        except ValueError as error:
            scope.draft.add(place, f"services.{member.name}.ports: {error}")
            continue
        if port.published:
            first, last = port.published
            held = last if _is_range(port) else first
            yield _Published(port.address, first, held, port.protocol, member.name, place)


def _is_range(port: Port) -> bool:
    """A range published for one port of the container means that the engine picks one of it."""
    return port.target[1] > port.target[0]
