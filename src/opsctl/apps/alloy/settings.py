"""What the operator states of an Alloy: for the template of its configuration."""

from __future__ import annotations

from opsctl.model.frozen import Frozen


class Settings(Frozen):
    """`loki` is the URL of the Loki that it writes to, without a path."""

    loki: str = "http://loki:3100"
