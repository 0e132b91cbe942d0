"""How a service is reached from outside its network: under which name, by whom, and on which paths."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from opsctl.model.domains import SiteName
from opsctl.model.frozen import Frozen
from opsctl.model.hosts import Environment, Host
from opsctl.model.values import Unfit, split_address

VPN_RANGES = ("100.64.0.0/10", "fd7a:115c:a1e0::/48")
"""The addresses that Tailscale and Headscale give to machines (tailscale.com/kb/1033, headscale config-example.yaml)."""
# What a Caddyfile takes as one word, and what has no second spelling in a URL: no blanks, quotes, braces and percent signs.
_PATH = re.compile(r"/[A-Za-z0-9._~!$&()+,;=:@/-]*\*?")
_LAST_PORT = 65535


def check_path(value: Any) -> str:
    """`/rest/login`, or `/webhook/*` for all that begins so. Raises Unfit."""
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        raise Unfit(
            f"{value!r} is not a path such as /rest/login or /webhook/*", "a * can stand at the end only"
        )
    return value


UrlPath = Annotated[
    str,
    BeforeValidator(check_path),
    WithJsonSchema({"type": "string", "pattern": f"^{_PATH.pattern}$", "examples": ["/webhook/*"]}),
]


class SitePaths(Frozen):
    """`login` are those that take a password, beside those that the software is known for; once loaded it has both.

    `public` are those of a VPN site that everybody may reach.
    """

    login: tuple[UrlPath, ...] = ()
    public: tuple[UrlPath, ...] = ()


class Site(Frozen):
    """`name` is a label before the domain of its environment, or a whole host name; `port` is the container's."""

    name: SiteName
    port: Annotated[int, Field(ge=1, le=_LAST_PORT)]
    access: Literal["vpn", "public"] = "vpn"
    paths: SitePaths = SitePaths()

    @model_validator(mode="after")
    def _opens_what_is_closed(self) -> Self:
        if self.paths.public and self.access == "public":
            raise Unfit("paths.public on a public site", "everybody reaches it already: leave them out")
        if "/*" in self.paths.public:
            raise Unfit("paths.public has /*, which is the whole site", "write access: public")
        return self


def host_name(site: Site, environment: Environment) -> str:
    """The whole name. Raises Unfit where it takes a domain that the environment does not have."""
    if "." in site.name:
        return site.name
    domain = environment.domain
    if site.access == "vpn":
        domain = environment.vpn_domain or domain
    if domain is None:
        hint = "set domain in the environment (hosts.toml), or write the whole host name"
        raise Unfit(f"the site {site.name!r} has no domain", hint)
    return f"{site.name}.{domain}"


def vpn_address(host: Host) -> str:
    """Where the VPN reaches a host: as it says, else the first of its addresses in VPN_RANGES; "" where none is known."""
    if host.vpn_address:
        return host.vpn_address
    ranges = [ipaddress.ip_network(one) for one in VPN_RANGES]
    for text in host.addresses:
        try:
            address = ipaddress.ip_address(split_address(text)[0])
        except ValueError:
            continue
        if any(address in one for one in ranges):
            return str(address)
    return ""
