"""What the operator states of an OpenClaw gateway: for the template of its openclaw.json, and for the rules."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from opsctl.model.frozen import Frozen


class Settings(Frozen):
    """`channels` and `plugins` are ids that must be on. `sandboxes` is how many sandboxes a reaper lets live, and how many agents
    may have one. `allowed_keys` are keys of openclaw.json that the rules shall take although no list has them, as
    `gateway.name`.
    """

    channels: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    sandboxes: Annotated[int, Field(ge=1)] = 5
    allowed_keys: tuple[str, ...] = ()
