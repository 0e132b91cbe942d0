"""`opsctl secrets edit`: all current values in the operator's editor."""

from __future__ import annotations

import typer

from opsctl.cli.answer import begin
from opsctl.cli.commands.secrets_show import Reason
from opsctl.cli.options import EnvironmentArgument, OnlyStore


def edit(
    context: typer.Context,
    environment: EnvironmentArgument = None,
    *,
    reason: Reason = "",
    only_store: OnlyStore = False,
) -> int:
    """Edit the current values in $VISUAL or $EDITOR, name by name.

    Changed values become new versions, new names new secrets. The looks go to the access log first.
    """
    from opsctl.cli.secret_editing import edit_all

    return edit_all(begin(context), environment, reason=reason, only_store=only_store)
