"""What the operator states of an OpenCut: which commit of its source runs."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from opsctl.model.frozen import Frozen
from opsctl.model.values import Unfit

_COMMIT = re.compile(r"[0-9a-f]{40}")


def check_commit(value: Any) -> str:
    """Raises Unfit."""
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise Unfit(
            f"{value!r} is not a whole commit", "40 hexadecimal digits, in quotes: git rev-parse HEAD"
        )
    return value


Commit = Annotated[
    str, BeforeValidator(check_commit), WithJsonSchema({"type": "string", "pattern": f"^{_COMMIT.pattern}$"})
]


class Settings(Frozen):
    """`commit` is the one of opencut-classic that the image shall be built of."""

    commit: Commit | None = None
