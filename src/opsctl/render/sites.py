"""The sites of an environment as templates and rules see them, and their records for the VPN's own DNS."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from opsctl.model.fleet import Fleet
from opsctl.model.sites import host_name, vpn_address


def site_views(fleet: Fleet, environment: str) -> dict[str, Mapping[str, Any]]:
    """Every site by its name, sorted. `upstream` is `service:port`, as the services of one network of its host name it;
    `address` is where the VPN reaches its host, "" where that is not known.
    """
    found = {}
    for host in fleet.environment(environment).hosts:
        for stack, file in fleet.stacks_of(environment, host).items():
            for name, service in file.services.items():
                if site := service.site:
                    found[site.name] = {
                        "name": site.name,
                        "host_name": host_name(site, fleet.environment(environment)),
                        "service": name,
                        "stack": stack,
                        "host": host,
                        "upstream": f"{name}:{site.port}",
                        "port": site.port,
                        "access": site.access,
                        "public_paths": list(site.paths.public),
                        "login_paths": list(site.paths.login),
                        "address": vpn_address(fleet.host(host)),
                    }
    return dict(sorted(found.items()))


def sites_dns(fleet: Fleet, environment: str) -> list[Mapping[str, str]]:
    """The VPN-only sites as records of Headscale's `dns.extra_records`, sorted by name; those without an address are left out."""
    return [
        {
            "name": site["host_name"],
            "type": "AAAA" if ipaddress.ip_address(site["address"]).version == 6 else "A",  # noqa: PLR2004 - of IP
            "value": site["address"],
        }
        for site in sorted(site_views(fleet, environment).values(), key=lambda one: str(one["host_name"]))
        if site["access"] == "vpn" and site["address"]
    ]
