"""What the operator states of a Sure: which services are one of it, and what may differ between them."""

from __future__ import annotations

from opsctl.model.frozen import Frozen
from opsctl.model.values import EnvKey, Name


class Settings(Frozen):
    """Services of one host with the same `instance` are web and worker of one Sure. `own_env` are variables that may differ
    between them, beside those that are a matter of each process.
    """

    instance: Name = "sure"
    own_env: tuple[EnvKey, ...] = ()
