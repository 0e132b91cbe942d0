"""Where an Alertmanager listens."""

from __future__ import annotations

from opsctl.apps.options import listen_port
from opsctl.checks.situation import ServiceNow

_PORT = 9093


def port_of(one: ServiceNow) -> int:
    return listen_port(one.view.words("entrypoint", "command"), "web.listen-address", _PORT)
