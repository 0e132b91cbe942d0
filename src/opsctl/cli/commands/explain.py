"""`opsctl explain`: where a value comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.completion import environments
from opsctl.cli.options import Json


def explain(
    context: typer.Context,
    environment: Annotated[
        str, typer.Argument(metavar="ENV", autocompletion=environments, show_default=False)
    ],
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="Such as n8n.memory.limit or hosts.web.user.", show_default=False
        ),
    ],
    json: Json = False,
) -> int:
    """Say which file and line a value comes from."""
    raise NotImplementedError
