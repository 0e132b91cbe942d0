"""What the operator states of a cAdvisor: nothing; its command line says all."""

from __future__ import annotations

from opsctl.model.frozen import Frozen


class Settings(Frozen):
    """It has none."""
