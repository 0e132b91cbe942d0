"""`opsctl hosts`: the machines, and whose host keys are trusted."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli import completion
from opsctl.cli.options import EnvironmentArgument, Json

hosts = typer.Typer(name="hosts", no_args_is_help=True, rich_markup_mode=None)


@hosts.callback()
def about() -> None:
    """List the hosts, check that they answer, trust their keys."""


@hosts.command("list")
def list_hosts(context: typer.Context, environment: EnvironmentArgument = None, json: Json = False) -> int:
    """List the hosts of hosts.toml; no host is asked anything."""
    raise NotImplementedError


@hosts.command("check")
def check(context: typer.Context, environment: EnvironmentArgument = None, json: Json = False) -> int:
    """Connect to each host and say whether engine and Compose are ready."""
    raise NotImplementedError


@hosts.command("trust")
def trust(
    context: typer.Context,
    host: Annotated[str, typer.Argument(metavar="HOST", autocompletion=completion.hosts, show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed without a terminal.")] = False,
) -> int:
    """Fetch a host's key, show its fingerprint, and add it to the environment's known_hosts file."""
    raise NotImplementedError
