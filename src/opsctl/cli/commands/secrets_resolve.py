"""`opsctl secrets resolve`: a store that git could not merge."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentArgument, Json


def resolve(
    context: typer.Context,
    environment: EnvironmentArgument = None,
    *,
    ours: Annotated[
        bool, typer.Option("--ours", help="Where both sides changed the same, take what ours has.")
    ] = False,
    theirs: Annotated[
        bool, typer.Option("--theirs", help="Where both sides changed the same, take what theirs has.")
    ] = False,
    json: Json = False,
) -> int:
    """Merge the two sides of a store that is in a git merge conflict.

    What only one side changed is kept, versions of both sides too; what both changed is asked. Values are compared in
    memory and never shown.
    """
    from opsctl.cli.secret_resolving import resolve_store

    return resolve_store(begin(context, json=json), environment, ours=ours, theirs=theirs)
