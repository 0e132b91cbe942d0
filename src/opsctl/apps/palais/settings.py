"""What the operator states of a Palais."""

from __future__ import annotations

from opsctl.model.frozen import Frozen
from opsctl.model.values import EnvKey


class Settings(Frozen):
    """`allowed_keys` are variables that the rules shall take although they do not know them: the source is its owner's, and
    may read more by now.
    """

    allowed_keys: tuple[EnvKey, ...] = ()
