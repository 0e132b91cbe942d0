"""Compose's spellings of a published port, read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from opsctl.state.desired import DesiredPort

_SHORT = re.compile(
    r"(?:(?:(?P<address>\[[0-9a-fA-F:.]+\]|\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*(?::[0-9a-fA-F]*){2,}):)?(?P<published>\d*(?:-\d+)?):)?"
    r"(?P<target>\d+(?:-\d+)?)(?:/(?P<protocol>\w+))?"
)


@dataclass(frozen=True, slots=True)
class Port:
    """One entry of `ports`: ranges as (first, last); `published` is None where the engine chooses."""

    address: str
    published: tuple[int, int] | None
    target: tuple[int, int]
    protocol: str

    def as_view(self) -> dict[str, Any]:
        """For templates: of a range the first port."""
        return {
            "address": self.address,
            "published": self.published[0] if self.published else None,
            "target": self.target[0],
            "protocol": self.protocol,
        }


def read_port(entry: Any) -> Port:
    """One entry of a service's `ports`: `80`, "8080:80", "127.0.0.1:53:53/udp", "[::1]:8000-8001:80-81", or a mapping.

    Raises ValueError.
    """
    if isinstance(entry, Mapping):
        address = str(entry.get("host_ip") or "")
        published, target = str(entry.get("published", "")), str(entry.get("target", ""))
        protocol = str(entry.get("protocol") or "tcp")
    else:
        match = (
            _SHORT.fullmatch(str(entry))
            if isinstance(entry, str | int) and not isinstance(entry, bool)
            else None
        )
        if not match:
            raise ValueError(f'{entry!r} is not a port such as 80, "8080:80" or "127.0.0.1:53:53/udp"')
        address, published = (match["address"] or "").strip("[]"), match["published"] or ""
        target, protocol = match["target"], match["protocol"] or "tcp"
    ports = Port(address, _range(published) if published else None, _range(target), protocol.lower())
    first, last = ports.target
    if ports.published and last > first and ports.published[1] - ports.published[0] != last - first:
        raise ValueError(f"{entry!r}: the two ranges of ports differ in length")
    return ports


def published(entries: Iterable[Any]) -> tuple[DesiredPort, ...]:
    """The ports of the host that a service's `ports` takes; those that the engine chooses are left out."""
    found = []
    for port in map(read_port, entries):
        if port.published and port.protocol in {"tcp", "udp"}:
            protocol = cast("Literal['tcp', 'udp']", port.protocol)
            first, last = port.published
            last = last if port.target[1] > port.target[0] else first
            found += [DesiredPort(port.address, number, protocol) for number in range(first, last + 1)]
    return tuple(found)


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not first.isdigit() or not (last or first).isdigit():
        raise ValueError(f"{text!r} is not a port")
    low, high = int(first), int(last or first)
    if not 0 < low <= high <= 65535:  # noqa: PLR2004
        raise ValueError(f"{text!r} is not a port between 1 and 65535")
    return low, high
