"""`opsctl secrets import`: values of Ansible Vault or of a .env file into a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentArgument, Json, Yes

_Class = Literal["regenerate", "database", "app_admin", "provider", "expiring", "migrate_only"]


def _option(name: str, metavar: str, text: str) -> object:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


_FromVault = Annotated[
    Path | None,
    _option(
        "--from-ansible-vault",
        "FILE",
        "A file that Ansible Vault encrypted, or one with encrypted values in it.",
    ),
]
_PasswordFile = Annotated[
    str,
    _option(
        "--vault-password-file", "FILE", "Where the vault's password is; - is stdin. Default: asked for."
    ),
]
_FromEnv = Annotated[Path | None, _option("--from-env", "FILE", "A .env file.")]
_Prefix = Annotated[str, _option("--prefix", "P", "Put before every name: app_.")]
_Only = Annotated[list[str] | None, _option("--only", "NAME", "Take this name alone; repeat for more.")]
_ClassOfAll = Annotated[
    _Class | None,
    _option("--class", "CLASS", "The class of all new ones; default: by their names, else regenerate."),
]
_Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Store other values than the store has, as new versions.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be stored, and stop.")]


def import_secrets(
    context: typer.Context,
    environment: EnvironmentArgument = None,
    *,
    from_ansible_vault: _FromVault = None,
    vault_password_file: _PasswordFile = "",
    from_env: _FromEnv = None,
    prefix: _Prefix = "",
    only: _Only = None,
    class_: _ClassOfAll = None,
    overwrite: _Overwrite = False,
    dry_run: _DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Take values over from Ansible Vault or a .env file.

    Shows what would be stored, by name, and asks. All of it is stored at once, or nothing is.
    """
    from opsctl.cli.secret_importing import Source, import_from
    from opsctl.secrets.importing import Selection, Wish

    invocation = begin(context, json=json)
    source = Source.of(from_ansible_vault, from_env, vault_password_file)
    wish = Wish(class_=class_, overwrite=overwrite)
    selection = Selection(only or (), prefix)
    return import_from(invocation, environment, source, selection, wish, dry_run=dry_run, yes=yes)
