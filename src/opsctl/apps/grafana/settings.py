"""What the operator states of a Grafana: for the template of its data sources."""

from __future__ import annotations

from opsctl.model.frozen import Frozen


class Settings(Frozen):
    """URLs of what it draws, as the container of Grafana reaches them."""

    metrics: str = "http://victoriametrics:8428"
    logs: str = "http://loki:3100"
