"""Rules about who reaches a site: open ports beside VPN-only sites, what lets a container pass as the VPN, DNS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opsctl.apps.caddy.front import Front, fronts, site_hit, sites_of
from opsctl.render.ports import read_port
from opsctl.render.sites import site_views
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound
# What the engine gives to networks without a subnet of their own (libnetwork ipamutils, local scope; 20.10.24), and the
# unique local addresses (RFC 4193), of which it takes those of IPv6.
_OF_THE_ENGINE = tuple(map(ipaddress.ip_network, ("172.16.0.0/12", "192.168.0.0/16", "fd00::/8")))


def _open(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        sites = list(sites_of(subject, view.host.name))
        if not sites or any(site["access"] == "public" or site["public_paths"] for site in sites):
            continue
        for index, entry in enumerate(view.definition.get("ports") or ()):
            port = read_port(entry)
            if port.published and port.address in _EVERYWHERE:
                message = f"port {port.published[0]} is open to everybody, and all sites of {view.host.name} are VPN-only"
                hint = f"write {sites[0]['address'] or 'ADDRESS_IN_THE_VPN'}:{port.published[0]}:{port.target[0]}"
                yield about(view, view.place("ports", index), message, hint)


def _trusting(subject: Subject) -> Iterator[Hit]:
    for front in fronts(subject):
        if not any(site["access"] == "vpn" for site in front.sites):
            continue
        engine = (*_OF_THE_ENGINE, *_subnets(front.view.host.networks))
        for text in _within(front.settings.vpn_ranges, engine):
            message = (
                f"{text} counts as the VPN, and containers and the bridge's gateway have addresses in it"
            )
            yield front.hit(message, "take it out of vpn_ranges", "settings", "vpn_ranges")
        yield from _trusting_lines(front, engine)


def _trusting_lines(front: Front, engine: Iterable[_Network]) -> Iterator[Hit]:
    """What is written by hand; lines that the settings made are told at the settings."""
    for line in front.lines():
        if "trusted_proxies" in line.words:
            message = "trusted_proxies: peers in these ranges say by X-Forwarded-For who they are"
            yield line.hit(message, "take it out: Caddy is the first that a client meets")
        matcher = next((at for at, word in enumerate(line.words) if word in {"remote_ip", "client_ip"}), None)
        ranges = line.words[matcher + 1 :] if matcher is not None else []
        if tuple(ranges) == front.settings.vpn_ranges:
            continue
        for text in _within(ranges, engine):
            message = f"{text} is let in beside the VPN, and containers and the bridge's gateway have addresses in it"
            yield line.hit(message, "name the ranges of the VPN only")


def _within(ranges: Iterable[str], engine: Iterable[_Network]) -> Iterator[str]:
    """Those that have an address which the engine may give to a container."""
    for text in ranges:
        if text == "private_ranges":
            yield text
            continue
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue
        if any(_touches(network, other) for other in engine):
            yield text


def _touches(one: _Network, other: _Network) -> bool:
    """IPv6: only where all unique local addresses are meant, since the VPN's own are among them."""
    if isinstance(one, ipaddress.IPv6Network):
        wide = isinstance(other, ipaddress.IPv6Network) and other.prefixlen <= 8  # noqa: PLR2004 - fd00::/8
        return isinstance(other, ipaddress.IPv6Network) and (
            other.subnet_of(one) if wide else one.overlaps(other)
        )
    return isinstance(other, ipaddress.IPv4Network) and one.overlaps(other)


def _subnets(networks: Mapping[str, Mapping[str, Any]]) -> Iterator[_Network]:
    for network in networks.values():
        ipam = network.get("ipam")
        entries = ipam.get("config") if isinstance(ipam, Mapping) else None
        for entry in entries if isinstance(entries, list) else ():
            try:
                yield ipaddress.ip_network(str(entry.get("subnet")), strict=False)
            except (ValueError, AttributeError):
                continue


def _unknown_address(subject: Subject) -> Iterator[Hit]:
    for site in site_views(subject.fleet, subject.environment).values():
        if site["access"] == "vpn" and not site["address"]:
            message = f"nobody says where the VPN reaches {site['host']}: {site['host_name']} has no record in its DNS"
            yield site_hit(
                subject,
                site,
                message,
                f'set vpn_address = "100.64.…" at [hosts.{site["host"]}] in hosts.toml',
            )


RULES = (
    Rule(
        "SIT001",
        "apps",
        "warning",
        "an open port beside VPN-only sites",
        "Docker publishes ports past the firewall: what stands on every address is reached without the VPN, also where "
        "Caddy in front of it would refuse.",
        "Bind it to the VPN's address, or leave it unpublished: Caddy reaches the service over their network.",
        "docs.docker.com, packet filtering and firewalls; audit: admin UIs",
        _open,
    ),
    Rule(
        "SIT003",
        "apps",
        "error",
        "a VPN-only site that lets others pass as the VPN",
        "An address of the bridge's gateway is what everybody has who comes through Docker's userland proxy: over IPv6 to an "
        "IPv4 network, or from the host itself. Whoever has an address in trusted_proxies says by X-Forwarded-For who it is, to "
        "matchers of client_ip and to the services; the door that opsctl yields, remote_ip, does not ask.",
        "No trusted_proxies, and only the VPN's own ranges in vpn_ranges and in matchers of remote_ip.",
        "Caddy 2.11 modules/caddyhttp/server.go (trusted_proxies), ip_matchers.go; docs/decisions/0019-sites.md",
        _trusting,
    ),
    Rule(
        "SIT006",
        "apps",
        "warning",
        "a VPN-only site whose address in the VPN is not known",
        "The VPN's DNS then has no record for it: clients resolve the public one, come from outside, and are refused.",
        "Give the host a vpn_address, unless one of its addresses is in 100.64.0.0/10 or fd7a:115c:a1e0::/48.",
        "opsctl; headscale.net, dns.extra_records",
        _unknown_address,
    ),
)
