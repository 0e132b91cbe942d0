"""What the operator states of the metrics and of the alerts: for the templates in templates/monitoring/, and for the rules."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from opsctl.apps.victoriametrics.spans import retention_seconds
from opsctl.model.frozen import Frozen
from opsctl.model.values import Duration, Unfit

_DAY = 86400


def check_retention(value: Any) -> str:
    """Raises Unfit for what VictoriaMetrics refuses, and for a plain number, which it takes for months."""
    seconds = retention_seconds(value) if isinstance(value, str) else None
    if seconds is None:
        raise Unfit(f"{value!r} is not a retention such as 30d", "write a number and one of h, d, w, M, y")
    if seconds < _DAY:
        raise Unfit(f"{value!r} is less than a day, which VictoriaMetrics refuses", "write 1d or more")
    return str(value)


Retention = Annotated[
    str, BeforeValidator(check_retention), WithJsonSchema({"type": "string", "examples": ["30d", "1y"]})
]
Percent = Annotated[float, Field(gt=0, le=100)]
Targets = dict[str, tuple[str, ...]]


def _cadvisor() -> Targets:
    return {"cadvisor": ("cadvisor:8080",)}


class Settings(Frozen):
    """`targets` are addresses by job, `paths` the metrics path of a job where it is not /metrics. `peers` are other hosts that
    run a watch of their own, with their address in the VPN. `sites_through` is the address of a blackbox_exporter.
    """

    retention: Retention = "30d"
    scrape_interval: Annotated[Duration, Field(ge=1)] = 15.0
    targets: Targets = Field(default_factory=_cadvisor)
    paths: dict[str, str] = Field(default_factory=dict)
    peers: dict[str, str] = Field(default_factory=dict)
    sites_through: str = ""


class AlertSettings(Frozen):
    """Of vmalert. Percentages are of the limit, the disk, the usable connections; `sandboxes` how many may run at once."""

    evaluation_interval: Annotated[Duration, Field(ge=1)] = 15.0
    unhealthy_for: Duration = 90.0
    gone_for: Duration = 60.0
    restarts: Annotated[int, Field(ge=1)] = 2
    down_for: Duration = 60.0
    silent_for: Duration = 60.0
    memory_percent: Percent = 80.0
    disk_percent: Percent = 85.0
    connections_percent: Percent = 80.0
    spend_percent: tuple[Percent, Percent] = (70.0, 90.0)
    certificate_days: Annotated[int, Field(ge=1)] = 14
    sandboxes: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _spend_rises(self) -> AlertSettings:
        if self.spend_percent[0] >= self.spend_percent[1]:
            raise Unfit("spend_percent: the first is the warning, and lower", "write spend_percent: [70, 90]")
        return self
