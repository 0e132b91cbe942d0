"""The commands of `opsctl`, each imported and built when it is asked for; `opsctl --help` asks for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

import typer
from typer.core import TyperCommand, TyperGroup

from opsctl import __version__
from opsctl.cli.invocation import Invocation

# Module and name of each, in the order of the help text.
_COMMANDS = {
    "plan": ("plan", "plan"),
    "deploy": ("deploy", "deploy"),
    "diff": ("diff", "diff"),
    "status": ("status", "status"),
    "why": ("why", "why"),
    "logs": ("logs", "logs"),
    "exec": ("exec", "exec_inside"),
    "start": ("day", "start"),
    "stop": ("day", "stop"),
    "restart": ("day", "restart"),
    "recreate": ("day", "recreate"),
    "audit": ("audit", "audit"),
    "memory": ("memory", "memory"),
    "lint": ("lint", "lint"),
    "render": ("render", "render"),
    "explain": ("explain", "explain"),
    "schema": ("schema", "schema"),
    "hosts": ("hosts", "hosts"),
    "secrets": ("secrets", "secrets"),
    "rotate-secret": ("rotate", "rotate_secret"),
}

Command: TypeAlias = TyperCommand | TyperGroup


class _Commands(Mapping[str, Command]):
    """What a group looks its commands up in."""

    def __getitem__(self, name: str) -> Command:
        return _built(name, *_COMMANDS[name])

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


def build() -> TyperGroup:
    """The whole command line. Its context's object is the Invocation."""
    app = _typer(add_completion=True)
    app.callback()(opsctl)
    group = typer.main.get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError("a callback makes a group")
    # Typer 0.29 takes 1.5 ms to build a command, and a run is about one of eighteen.
    group.commands = cast("Any", _Commands())
    return group


@cache
def _built(name: str, module: str, attribute: str) -> Command:
    command = getattr(import_module(f"opsctl.cli.commands.{module}"), attribute)
    if isinstance(command, typer.Typer):
        app = command
    else:
        app = _typer(add_completion=False)
        app.command(name)(command)
    return cast("Command", typer.main.get_command(app))


def _typer(*, add_completion: bool) -> typer.Typer:
    return typer.Typer(
        name="opsctl",
        add_completion=add_completion,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


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
