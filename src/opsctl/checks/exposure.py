"""Whether published ports are bound as they should be, answer where they should, and nowhere else."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import Any

from opsctl.checks.check import Case, Check, Patience
from opsctl.checks.questions import (
    HERE,
    OnHost,
    Question,
    Reach,
    Talk,
    UnansweredError,
    Verdict,
    failed,
    passed,
    ran,
    reached,
    settled,
    skipped,
    source_to,
    unknown,
)
from opsctl.checks.situation import HostNow, ServiceNow, Situation
from opsctl.model.sites import VPN_RANGES, vpn_address
from opsctl.model.values import split_address
from opsctl.render.ports import read_port
from opsctl.state.desired import DesiredPort

EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_ALL = "*"
_WAIT = 2.0
"""Seconds for one connection: a firewall that drops says nothing at all."""
Bound = tuple[str, int, str]
"""Address (`*` for all), port, protocol."""


def bound(address: str, port: int, protocol: str) -> Bound:
    return (_ALL if address in EVERYWHERE else _plain(address), port, protocol)


def _plain(text: str) -> str:
    """An address in its shortest spelling; a name as it is."""
    return str(_address(text) or text)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def desired_ports(ports: Iterable[DesiredPort]) -> frozenset[Bound]:
    return frozenset(bound(one.address, one.published, one.protocol) for one in ports)


def _bindings(one: ServiceNow) -> Verdict:
    if one.container is None or not one.runs:
        return skipped(one.mark or "it does not run")
    wanted = desired_ports(one.service.ports)
    found = frozenset(bound(port.address, port.published, port.protocol) for port in one.container.ports)
    missing, extra = sorted(wanted - found), sorted(found - wanted)
    if missing or (extra and not _engine_chooses(one)):
        return failed(
            "its ports are bound otherwise",
            expected=_listed(wanted) or "none",
            observed=_listed(found) or "none",
        )
    return passed(_listed(found))


def _bound_so(one: ServiceNow) -> Talk:
    return settled(_bindings(one))


def _engine_chooses(one: ServiceNow) -> bool:
    """Whether some of its ports get a number from the engine."""
    return any(read_port(entry).published is None for entry in one.view.definition.get("ports") or ())


def _listed(ports: Iterable[Bound]) -> str:
    return ", ".join(f"{_joined(address, port)}/{protocol}" for address, port, protocol in sorted(ports))


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _answers(one: ServiceNow, _situation: Situation) -> Talk:
    silent = []
    ports = _tcp(one)
    for address, port in ports:
        at = "127.0.0.1" if address == _ALL else address
        answer = yield from reached(Reach(at, port, via=one.host.name))
        if not answer.open:
            silent.append(f"{_joined(at, port)} ({answer.reason})")
    return (
        failed(f"nobody answers at {', '.join(silent)}")
        if silent
        else passed(f"{len(ports)} of {len(ports)}")
    )


def _hidden(one: ServiceNow, situation: Situation) -> Talk:
    """Every machine that can be asked tries every address of the host at which the port should not be."""
    found, asked, refused = [], 0, ""
    for via in (HERE, *sorted(situation.hosts)):
        for address, port in (yield from _tries(one, situation, via)):
            try:
                answer = yield from reached(Reach(address, port, via=via, timeout=_WAIT))
            except UnansweredError as error:
                refused = str(error)
                continue
            asked += 1
            if answer.open:
                found.append(f"{_joined(address, port)} from {via or 'this machine'}")
    if found:
        wanted = _listed(desired_ports(one.service.ports))
        return failed(f"somebody answers at {', '.join(found)}", expected=wanted)
    if asked:
        # A host that was cut off meanwhile is silent at every port.
        alive = yield from ran(OnHost(one.host.name, ("true",)))
        return unknown("its host does not answer") if alive.code else passed(f"tried {asked} times")
    return unknown(refused) if refused else skipped("no other address of the host is in hosts.toml")


def _tries(
    one: ServiceNow, situation: Situation, via: str
) -> Generator[Question, Any, list[tuple[str, int]]]:
    host = situation.subject.fleet.host(one.host.name)
    known = dict.fromkeys([*(split_address(text)[0] for text in host.addresses), vpn_address(host)])
    taken = {(address, port) for address, port, protocol in _all_ports(one.host) if protocol == "tcp"}
    tries = [
        (address, port)
        for port in sorted({port for _address_of, port in _narrow(one)})
        for address in known
        if address and not _is_loopback(address)
        if not {(_ALL, port), (_plain(address), port)} & taken
    ]
    strange = [(address, port) for address, port in _narrow(one) if via == HERE and _in_vpn(address)]
    if strange and not _in_vpn((yield from source_to(strange[0][0]))):
        tries += strange
    return tries


def _all_ports(host: HostNow) -> Iterator[Bound]:
    for service in host.desired.services.values():
        yield from desired_ports(service.ports)


def _tcp(one: ServiceNow) -> list[tuple[str, int]]:
    return [
        (address, port)
        for address, port, protocol in sorted(desired_ports(one.service.ports))
        if protocol == "tcp"
    ]


def _narrow(one: ServiceNow) -> list[tuple[str, int]]:
    """Those of one address alone that not everybody reaches: loopback, the VPN's, or any one of several."""
    return [(address, port) for address, port in _tcp(one) if address != _ALL]


def _is_loopback(text: str) -> bool:
    address = _address(text)
    return text == "localhost" or (address is not None and address.is_loopback)


def _in_vpn(text: str) -> bool:
    address = _address(text)
    return address is not None and any(address in ipaddress.ip_network(one) for one in VPN_RANGES)


def _publishing(
    talk: Callable[[ServiceNow, Situation], Talk], wanted: Callable[[ServiceNow], list[tuple[str, int]]]
) -> Callable[[Situation], Iterator[Case]]:
    """A case for every service with such ports."""

    def checked(one: ServiceNow, situation: Situation) -> Talk:
        if not one.runs:
            return skipped(one.mark or "it does not run")
        return (yield from talk(one, situation))

    def cases(situation: Situation) -> Iterator[Case]:
        for one in situation.services():
            if wanted(one):
                yield Case(one.host.name, one.name, partial(checked, one, situation))

    return cases


def _published(situation: Situation) -> Iterator[Case]:
    for one in situation.services():
        if one.service.ports or (one.container and one.container.ports):
            yield Case(one.host.name, one.name, partial(_bound_so, one))


CHECKS = (
    Check(
        id="V-NET-001",
        title="Ports are published as rendered",
        severity="critical",
        proves="The engine binds the addresses and ports of the stack file, and no other.",
        mend="opsctl deploy: it makes the container anew",
        source="the engine's list of containers",
        cases=_published,
        tags=frozenset({"deploy", "network"}),
    ),
    Check(
        id="V-NET-002",
        title="Published ports answer on their host",
        severity="high",
        proves="Each published TCP port takes a connection at the address it is bound to. Docker's own proxy takes it too: that the "
        "software behind it answers is its healthcheck's to tell.",
        mend="opsctl why SERVICE; an address that the host does not have yet: is the VPN up?",
        source="a connection over the SSH connection to the host",
        cases=_publishing(_answers, _tcp),
        tags=frozenset({"network"}),
        patience=Patience(deadline=10.0, interval=2.0),
    ),
    Check(
        id="V-NET-003",
        title="Ports of one address are closed at the others",
        severity="critical",
        proves="No machine that could be asked (this one, other hosts) gets a connection to a port of loopback or of one address at "
        "another address of its host; a machine outside the VPN none at the VPN's.",
        mend="find who listens: ss -ltnp on the host; rules that lead there: iptables -t nat -S, nft list ruleset",
        source="connections to every address of the host in hosts.toml",
        cases=_publishing(_hidden, _narrow),
        tags=frozenset({"network"}),
        timeout=120.0,
    ),
)
