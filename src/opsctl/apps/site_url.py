"""The address under which people reach a service."""

from __future__ import annotations

from opsctl.model.sites import host_name
from opsctl.rules.subject import ServiceView


def site_url(view: ServiceView) -> str:
    """`https://NAME` without a slash at its end, as browsers send it in Origin; "" for a service without a site."""
    site = view.written.site
    return f"https://{host_name(site, view.fleet.environment(view.environment))}" if site else ""
