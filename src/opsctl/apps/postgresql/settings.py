"""What the operator states of a PostgreSQL server: for its command or postgresql.conf, and for the rules."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from opsctl.model.frozen import Frozen
from opsctl.model.values import Unfit

# src/backend/utils/misc/guc.c, memory_units_conversion_table; a bare number of shared_buffers is in blocks of 8 kB (18).
_UNITS = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_AMOUNT = re.compile(r"\s*(\d+)\s*(B|kB|MB|GB|TB)?\s*")
_BLOCK = 8192


def amount_bytes(text: str) -> int | None:
    """Bytes of a size as postgresql.conf writes it; None for what is none. The letters' case counts."""
    match = _AMOUNT.fullmatch(text)
    return int(match[1]) * (_UNITS[match[2]] if match[2] else _BLOCK) if match else None


def check_amount(value: Any) -> str:
    """Raises Unfit."""
    if not isinstance(value, str) or amount_bytes(value) is None or value.strip().isdigit():
        raise Unfit(
            f"{value!r} is not a size such as 256MB",
            "PostgreSQL's units: kB, MB, GB; the case of letters counts",
        )
    return value


Amount = Annotated[
    str,
    BeforeValidator(check_amount),
    WithJsonSchema({"type": "string", "pattern": r"^\d+ ?(B|kB|MB|GB|TB)$", "examples": ["256MB"]}),
]
Count = Annotated[int, Field(ge=0)]


class Settings(Frozen):
    """Called as in postgresql.conf; the defaults are the server's. `reserved_connections` is there since 16."""

    max_connections: Annotated[int, Field(ge=1)] = 100
    superuser_reserved_connections: Count = 3
    reserved_connections: Count = 0
    shared_buffers: Amount | None = None

    @property
    def usable(self) -> int:
        """Connections that ordinary roles can have at once."""
        return self.max_connections - self.superuser_reserved_connections - self.reserved_connections

    @model_validator(mode="after")
    def _leaves_some(self) -> Self:
        if self.usable < 1:
            raise Unfit("the reserved connections leave none of max_connections", "raise max_connections")
        return self
