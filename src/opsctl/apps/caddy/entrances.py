"""Where a Caddy is reached, from where it can be asked, and whether who asks from there counts as the VPN."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.apps.caddy.front import Front
from opsctl.checks.questions import HERE, OnHost, Question, UnansweredError, ran, source_to
from opsctl.checks.situation import Situation
from opsctl.model.sites import vpn_address
from opsctl.model.values import split_address
from opsctl.render.ports import read_port

LOOPBACK = "127.0.0.1"
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_TLS = 443
_SOURCE = re.compile(rb"\bsrc ([0-9a-fA-F.:]+)")


@dataclass(frozen=True, slots=True)
class Entrance:
    """A published address and port that lead to Caddy's port for TLS."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def entrances(front: Front) -> tuple[Entrance, ...]:
    """Those of a front, the one in the VPN first. A port on every address counts once for each that hosts.toml knows."""
    host = front.view.fleet.host(front.view.host.name)
    known = [vpn_address(host), *(split_address(one)[0] for one in host.addresses)]
    own = [one for one in dict.fromkeys(known) if one] or [LOOPBACK]
    definition = front.view.definition
    if definition.get("network_mode") == "host":
        return tuple(Entrance(address, _TLS) for address in own)
    found: list[Entrance] = []
    for entry in definition.get("ports") or ():
        port = read_port(entry)
        if port.published and port.protocol == "tcp" and port.target[0] <= _TLS <= port.target[1]:
            published = port.published[0] + _TLS - port.target[0]
            addresses = own if port.address in _EVERYWHERE else [port.address]
            found += [Entrance(address, published) for address in addresses]
    return tuple(
        sorted(dict.fromkeys(found), key=lambda one: own.index(one.address) if one.address in own else -1)
    )


@dataclass(frozen=True, slots=True)
class Vantage:
    """A machine to ask from: HERE, or a host. `inside`: Caddy sees an address of the VPN, when it asks at `entrance`."""

    via: str
    entrance: Entrance
    inside: bool

    def __str__(self) -> str:
        return f"{self.via or 'this machine'} to {self.entrance}"


def vantages(
    front: Front, situation: Situation, doors: Sequence[Entrance]
) -> Generator[Question, Any, list[Vantage]]:
    """Every machine that could be looked at, and this one, at each entrance; those that know no way there are left out.

    Who asks at an address of the own host comes from that very address: Docker's DNAT leaves it. At loopback it is the
    userland proxy that connects, from the bridge's gateway (engine 20.10, tests/lab/test_sites.py), which is nobody's VPN.
    """
    found: list[Vantage] = []
    for door in doors:
        for via in (HERE, *sorted(situation.hosts)):
            try:
                source = yield from (_own_source(door) if via == HERE else _source_of(via, door))
            except UnansweredError:
                continue
            found.append(Vantage(via, door, within(source, front.settings.vpn_ranges)))
    home = front.view.host.name
    if home in situation.hosts:
        found += [
            Vantage(home, Entrance(LOOPBACK, port), inside=False) for port in sorted({d.port for d in doors})
        ]
    return found


def _own_source(door: Entrance) -> Generator[Question, Any, str]:
    return (yield from source_to(door.address))


def _source_of(host: str, door: Entrance) -> Generator[Question, Any, str]:
    answer = yield from ran(OnHost(host, ("ip", "-o", "route", "get", door.address)))
    found = _SOURCE.search(answer.stdout)
    if answer.code or not found:
        raise UnansweredError(f"{host} knows no way to {door.address}")
    return found[1].decode()


def within(address: str, ranges: Iterable[str]) -> bool:
    """Whether an address is in one of these ranges; text that is no address is in none."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(one in ipaddress.ip_network(text, strict=False) for text in ranges)
