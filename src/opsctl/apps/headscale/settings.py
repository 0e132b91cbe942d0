"""What the operator states of a Headscale, for the rules."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from opsctl.model.frozen import Frozen

Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+")]


class Settings(Frozen):
    """`server_url` is what clients reach it at, where opsctl does not own that key of config.yaml. `allowed_keys` are keys that
    the rules shall take although no list has them, as `dns.NAME`.
    """

    server_url: Url | None = None
    allowed_keys: tuple[str, ...] = ()
