"""`opsctl secrets recipients`: who can open a store."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentArgument, EnvironmentOption, Json, Yes

recipients = typer.Typer(name="recipients", add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@recipients.callback()
def about() -> None:
    """List, add and remove the age keys that open a store."""


@recipients.command("list")
def list_recipients(
    context: typer.Context, environment: EnvironmentArgument = None, *, json: Json = False
) -> int:
    """List who can open the store, and which of the keys are at hand."""
    from opsctl.cli.secret_recipients import show_recipients

    return show_recipients(begin(context, json=json), environment)


@recipients.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.", show_default=False)],
    recipient: Annotated[
        str,
        typer.Argument(
            metavar="RECIPIENT", help="The public key: age1… or ssh-ed25519 …", show_default=False
        ),
    ],
    *,
    environment: EnvironmentOption = None,
    json: Json = False,
) -> int:
    """Let another key open the store.

    The values stay as they are encrypted; their key is encrypted for one more.
    """
    from opsctl.cli.secret_recipients import add_recipient

    return add_recipient(begin(context, json=json), name, recipient, environment)


@recipients.command("remove")
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.", show_default=False)],
    *,
    environment: EnvironmentOption = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Encrypt the store anew without a key, and mark due every secret that it could open.

    The history of the repository keeps the old file: only other values shut somebody out.
    """
    from opsctl.cli.secret_recipients import remove_recipient

    return remove_recipient(begin(context, json=json), name, environment, yes=yes)
