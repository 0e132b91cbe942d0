"""What the operator states of a Loki: for the template of its configuration."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from opsctl.model.frozen import Frozen
from opsctl.model.values import Unfit, parse_duration

_DAY = 86400


def check_retention(value: Any) -> str:
    """Raises Unfit. Loki's smallest is 24h (limits_config.retention_period)."""
    if not isinstance(value, str) or parse_duration(value) < _DAY:
        raise Unfit(f"{value!r} is not a retention of 24h or more", "write retention: 168h")
    return value


class Settings(Frozen):
    """`retention` is how long a line is kept."""

    retention: Annotated[
        str,
        BeforeValidator(check_retention),
        WithJsonSchema({"type": "string", "pattern": r"^\d+h$", "examples": ["168h"]}),
    ] = "168h"
