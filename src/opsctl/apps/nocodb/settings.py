"""What the operator states of a NocoDB, for the rules."""

from __future__ import annotations

from opsctl.model.frozen import Frozen


class Settings(Frozen):
    """`admin_from_env`: NC_ADMIN_EMAIL and NC_ADMIN_PASSWORD are meant to win over what was changed in NocoDB. `allowed_variables`
    are those that the rules shall take although no list has them.
    """

    admin_from_env: bool = False
    allowed_variables: tuple[str, ...] = ()
