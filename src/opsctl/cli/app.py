"""The commands of `opsctl`, gathered. Nothing heavy is imported here, so that `opsctl --help` is quick."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from opsctl import __version__
from opsctl.cli.commands.audit import audit
from opsctl.cli.commands.day import recreate, restart, start, stop
from opsctl.cli.commands.deploy import deploy
from opsctl.cli.commands.diff import diff
from opsctl.cli.commands.exec import exec_inside
from opsctl.cli.commands.explain import explain
from opsctl.cli.commands.hosts import hosts
from opsctl.cli.commands.lint import lint
from opsctl.cli.commands.logs import logs
from opsctl.cli.commands.memory import memory
from opsctl.cli.commands.plan import plan
from opsctl.cli.commands.render import render
from opsctl.cli.commands.schema import schema
from opsctl.cli.commands.status import status
from opsctl.cli.commands.why import why
from opsctl.cli.invocation import Invocation

_COMMANDS: tuple[tuple[str, Callable[..., int]], ...] = (
    ("plan", plan),
    ("deploy", deploy),
    ("diff", diff),
    ("status", status),
    ("why", why),
    ("logs", logs),
    ("exec", exec_inside),
    ("start", start),
    ("stop", stop),
    ("restart", restart),
    ("recreate", recreate),
    ("audit", audit),
    ("memory", memory),
    ("lint", lint),
    ("render", render),
    ("explain", explain),
    ("schema", schema),
)


def build() -> TyperGroup:
    """The whole command line. Its context's object is the Invocation."""
    app = typer.Typer(
        name="opsctl", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )
    app.callback()(opsctl)
    for name, command in _COMMANDS:
        app.command(name)(command)
    app.add_typer(hosts)
    group = typer.main.get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError("several commands make a group")
    return group


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
