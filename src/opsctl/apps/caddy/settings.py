"""What the operator states of a Caddy: who counts as the VPN, where it listens, where certificates come from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from opsctl.model.domains import IpAddress, IpRange
from opsctl.model.frozen import Frozen
from opsctl.model.sites import VPN_RANGES
from opsctl.model.values import Unfit

_WINDOW = re.compile(r"[1-9]\d*[smh]")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")


def check_window(value: Any) -> str:
    """Raises Unfit."""
    if not isinstance(value, str) or not _WINDOW.fullmatch(value):
        raise Unfit(f"{value!r} is not a window such as 1m", "write a number and one of s, m, h")
    return value


def check_email(value: Any) -> str:
    """Raises Unfit."""
    if not isinstance(value, str) or not _EMAIL.fullmatch(value):
        raise Unfit(f"{value!r} is not an address such as ops@example.org")
    return value


Window = Annotated[
    str,
    BeforeValidator(check_window),
    WithJsonSchema({"type": "string", "pattern": f"^{_WINDOW.pattern}$", "examples": ["1m"]}),
]
Email = Annotated[
    str, BeforeValidator(check_email), WithJsonSchema({"type": "string", "pattern": f"^{_EMAIL.pattern}$"})
]


class RateLimit(Frozen):
    """What one client address may send to the login paths of one site."""

    events: Annotated[int, Field(ge=1)] = 10
    window: Window = "1m"


class Settings(Frozen):
    """`vpn_bind` and `public_bind` are addresses of the container, which has the host's with network_mode host alone.

    `upstreams`: a service is reached by its name on a shared network, or by its published port, as from network_mode host.
    `rate_limit` needs a Caddy with the module `http.handlers.rate_limit`, which is not in Caddy itself.
    """

    vpn_ranges: Annotated[tuple[IpRange, ...], Field(min_length=1)] = VPN_RANGES
    vpn_bind: tuple[IpAddress, ...] = ()
    public_bind: tuple[IpAddress, ...] = ()
    upstreams: Literal["network", "published"] = "network"
    certificates: Literal["acme", "internal"] = "acme"
    email: Email | None = None
    http3: bool = False
    rate_limit: RateLimit | None = None
