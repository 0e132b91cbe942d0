"""`opsctl secrets`: the encrypted stores of the project, one for each environment."""

from __future__ import annotations

import typer

from opsctl.cli.commands import (
    secrets_change,
    secrets_edit,
    secrets_import,
    secrets_init,
    secrets_look,
    secrets_recipients,
    secrets_resolve,
    secrets_show,
)

secrets = typer.Typer(name="secrets", add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@secrets.callback()
def about() -> None:
    """Keep secrets encrypted in the repository: values, their age, who can open them."""


secrets.command("init")(secrets_init.init)
secrets.command("list")(secrets_look.list_secrets)
secrets.command("show")(secrets_show.show)
secrets.command("set")(secrets_change.set_secret)
secrets.command("edit")(secrets_edit.edit)
secrets.command("history")(secrets_look.history)
secrets.command("restore")(secrets_change.restore)
secrets.command("remove")(secrets_change.remove)
secrets.command("export")(secrets_show.export)
secrets.command("import")(secrets_import.import_secrets)
secrets.command("resolve")(secrets_resolve.resolve)
secrets.command("log")(secrets_look.log)
secrets.command("doctor")(secrets_look.doctor)
secrets.add_typer(secrets_recipients.recipients, name="recipients")
