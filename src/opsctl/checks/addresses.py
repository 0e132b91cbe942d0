"""Where containers are reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def container_address(inspected: Mapping[str, Any]) -> str:
    """Where its host reaches a container: loopback with the host's own network, else the first of its addresses."""
    settings = inspected.get("NetworkSettings") or {}
    networks = settings.get("Networks") or {}
    if "host" in networks:
        return "127.0.0.1"
    addresses = [networks[name].get("IPAddress") for name in sorted(networks)]
    return next((str(one) for one in addresses if one), "")
