"""What the operator states of an n8n: for its environment, and for the rules."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from opsctl.model.frozen import Frozen

UNLIMITED = -1


class Settings(Frozen):
    """`pool` are connections of one process, `concurrency` executions of one process at once. What is not stated is not
    checked. `allowed_variables` are names that are right although no list has them.
    """

    pool: Annotated[int, Field(ge=1)] | None = None
    concurrency: Annotated[int, Field(ge=1)] | None = None
    allowed_variables: tuple[str, ...] = ()
