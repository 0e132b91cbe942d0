"""`opsctl secrets show` and `export`: the two commands that print values, each into the access log first."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentArgument, EnvironmentOption, Json, SecretArgument

Reason = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="TEXT",
        help="Why, for the access log; asked for on a terminal.",
        show_default=False,
    ),
]


def show(
    context: typer.Context,
    name: SecretArgument,
    *,
    environment: EnvironmentOption = None,
    version: Annotated[
        str,
        typer.Option(
            "--version", metavar="V", help="Such as v3; default: the current one.", show_default=False
        ),
    ] = "",
    reason: Reason = "",
    json: Json = False,
) -> int:
    """Print a secret's value, and a newline.

    Who, when, which and why go to the access log first; what cannot be logged is not shown.
    """
    from opsctl.cli.envelope import envelope
    from opsctl.cli.secret_prompts import read_reason
    from opsctl.cli.secret_store import keeper
    from opsctl.secrets.changes import require_version
    from opsctl.secrets.versions import require_secret

    invocation = begin(context, json=json)
    keep = keeper(invocation, environment, changes=False)
    secret = require_secret(keep.describe(), name, where=keep.file)
    asked = require_version(name, secret, version)
    why = read_reason(invocation, reason)
    value = keep.values({name: asked})[name]
    keep.record("show", [(name, asked)], why)
    data = {"name": name, "version": asked, "value": value}
    text = (
        envelope(command=invocation.command, environment=keep.environment, exit_code=0, data=data)
        if json
        else f"{value}\n"
    )
    invocation.out.reveal(text)
    return 0


def export(
    context: typer.Context,
    environment: EnvironmentArgument = None,
    *,
    format_: Annotated[
        Literal["dotenv", "json"], typer.Option("--format", help="As lines NAME=value, or as a JSON object.")
    ] = "dotenv",
    reason: Reason = "",
) -> int:
    """Print all current values of an environment; every one goes to the access log first."""
    from opsctl.cli.secret_prompts import read_reason
    from opsctl.cli.secret_store import keeper

    invocation = begin(context)
    keep = keeper(invocation, environment, changes=False)
    current = {name: secret.current for name, secret in keep.describe().secrets.items() if secret.current}
    why = read_reason(invocation, reason)
    values = keep.values(current)
    text = _dotenv(values) if format_ == "dotenv" else _json(values)
    keep.record("export", current.items(), why)
    invocation.out.reveal(text)
    return 0


def _dotenv(values: dict[str, str]) -> str:
    from opsctl.errors import UsageError
    from opsctl.render import envfile

    for name, value in values.items():
        if problem := envfile.key_problem(name) or envfile.value_problem(value):
            raise UsageError(
                f"{name} does not go into an env file: {problem}", hint="--format json takes all"
            )
    return envfile.dump(values).decode()


def _json(values: dict[str, str]) -> str:
    import json

    return json.dumps(values, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
