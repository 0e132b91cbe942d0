"""`opsctl push-images`: images for hosts that reach no registry."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.completion import hosts, services
from opsctl.cli.options import EnvironmentOption, Json

Host = Annotated[str, typer.Argument(metavar="HOST", autocompletion=hosts, show_default=False)]
Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="Services or images (default: all of the host).",
        autocompletion=services,
        show_default=False,
    ),
]
Fetch = Annotated[
    bool, typer.Option("--pull", help="Pull first what this machine's engine lacks, for the host's platform.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be pushed.")]


def push_images(
    context: typer.Context,
    host: Host,
    names: Names = None,
    *,
    environment: EnvironmentOption = None,
    pull: Fetch = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Stream the images that a host lacks from this machine's engine, over the SSH connection."""
    from opsctl.cli.transferring import Asked, run

    asked = Asked(host, tuple(names or ()), environment, pull=pull, dry_run=dry_run)
    return run(begin(context, json=json), asked)
