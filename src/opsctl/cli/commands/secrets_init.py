"""`opsctl secrets init`: a store for an environment, and a key where there is none."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentArgument, Json, Yes


def init(
    context: typer.Context,
    environment: EnvironmentArgument = None,
    *,
    recipient: Annotated[
        list[str] | None,
        typer.Option(
            "--recipient",
            metavar="[NAME=]AGE1…",
            help="Who else can open it; repeat for more.",
            show_default=False,
        ),
    ] = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Make secrets/ENV.sops.yaml for the age keys at hand.

    Offers to make a key where there is none. A store that is there is never overwritten.
    """
    from opsctl.cli.secret_beginning import begin_store

    return begin_store(begin(context, json=json), environment, recipient or (), yes=yes)
