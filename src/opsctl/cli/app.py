"""The commands of `opsctl`, and the options that stand before them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from opsctl import __version__
from opsctl.cli.invocation import Invocation
from opsctl.cli.lookup import group, new_app

_COMMANDS = {
    "plan": ("plan", "plan"),
    "deploy": ("deploy", "deploy"),
    "diff": ("diff", "diff"),
    "status": ("status", "status"),
    "verify": ("verify", "verify"),
    "why": ("why", "why"),
    "logs": ("logs", "logs"),
    "exec": ("exec", "exec_inside"),
    "start": ("day", "start"),
    "stop": ("day", "stop"),
    "restart": ("day", "restart"),
    "recreate": ("day", "recreate"),
    "audit": ("audit", "audit"),
    "memory": ("memory", "memory"),
    "connections": ("connections", "connections"),
    "lint": ("lint", "lint"),
    "render": ("render", "render"),
    "explain": ("explain", "explain"),
    "schema": ("schema", "schema"),
    "hosts": ("hosts", "hosts"),
    "upgrade": ("upgrade", "upgrade"),
    "pin-images": ("pin_images", "pin_images"),
    "push-images": ("push_images", "push_images"),
    "secrets": ("secrets", "secrets"),
    "rotate-secret": ("rotate", "rotate_secret"),
}


def build() -> TyperGroup:
    """The whole command line. Its context's object is the Invocation."""
    app = new_app(add_completion=True)
    app.callback()(opsctl)
    return group(app, _COMMANDS)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"opsctl {__version__}")
        raise typer.Exit


def opsctl(
    context: typer.Context,
    project: Annotated[
        Path | None,
        typer.Option(
            "--project",
            metavar="DIR",
            help="The folder with hosts.toml (default: here or above).",
            show_default=False,
        ),
    ] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour; NO_COLOR says the same.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Deploy Docker Compose stacks to a few servers over SSH: a plan with reasons, then exactly that plan."""
    invocation = context.obj
    if isinstance(invocation, Invocation):
        invocation.folder = project or invocation.folder
        invocation.colour = not no_color
