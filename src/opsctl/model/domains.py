"""Names and addresses by which people reach sites: domains, host names, IP addresses and ranges of them."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from opsctl.model.values import Unfit

# RFC 1035 2.3.4: labels of 63, names of 253; small letters, as Caddy and certificates compare them.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SITE_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_LONGEST = 253


def check_domain(value: Any) -> str:
    """`example.org`. Raises Unfit."""
    if not isinstance(value, str) or not _DOMAIN.fullmatch(value) or len(value) > _LONGEST:
        raise Unfit(f"{value!r} is not a domain such as example.org", "small letters, digits, '-' and dots")
    return value


def check_site_name(value: Any) -> str:
    """`llm`, or a whole host name `llm.example.org`. Raises Unfit."""
    if not isinstance(value, str) or not _SITE_NAME.fullmatch(value) or len(value) > _LONGEST:
        hint = "write llm, which stands before the domain of the environment, or llm.example.org; no template"
        raise Unfit(f"{value!r} is not the name of a site", hint)
    return value


def check_ip(value: Any) -> str:
    """An IPv4 or IPv6 address, in its short form. Raises Unfit."""
    try:
        return str(ipaddress.ip_address(value if isinstance(value, str) else ""))
    except ValueError:
        raise Unfit(f"{value!r} is not an IP address") from None


def check_ip_range(value: Any) -> str:
    """`100.64.0.0/10`; an address alone is a range of one. Raises Unfit."""
    try:
        return str(ipaddress.ip_network(value if isinstance(value, str) else ""))
    except ValueError as error:
        hint = "the bits after the prefix must be 0" if "host bits" in str(error) else ""
        raise Unfit(f"{value!r} is not a range such as 100.64.0.0/10", hint) from None


Domain = Annotated[
    str,
    BeforeValidator(check_domain),
    WithJsonSchema({"type": "string", "pattern": f"^{_DOMAIN.pattern}$", "examples": ["example.org"]}),
]
SiteName = Annotated[
    str,
    BeforeValidator(check_site_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_SITE_NAME.pattern}$", "examples": ["llm"]}),
]
IpAddress = Annotated[
    str, BeforeValidator(check_ip), WithJsonSchema({"type": "string", "examples": ["100.64.0.14"]})
]
IpRange = Annotated[
    str, BeforeValidator(check_ip_range), WithJsonSchema({"type": "string", "examples": ["100.64.0.0/10"]})
]
