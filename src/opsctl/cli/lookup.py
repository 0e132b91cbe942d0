"""Commands by name, each imported and built when it is asked for; the help of a group asks for all of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias, cast

import typer
from typer.core import TyperCommand, TyperGroup

Command: TypeAlias = TyperCommand | TyperGroup
Places: TypeAlias = Mapping[str, tuple[str, str]]
"""Module below opsctl.cli.commands and attribute of each, in the order of the help text."""


class _Commands(Mapping[str, Command]):
    """What a group looks its commands up in."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def __getitem__(self, name: str) -> Command:
        return _built(name, *self._places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def new_app(*, add_completion: bool = False, name: str = "opsctl") -> typer.Typer:
    return typer.Typer(
        name=name,
        add_completion=add_completion,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def group(app: typer.Typer, places: Places) -> TyperGroup:
    """The group that an app with a callback and no commands makes, with commands that are built when they are asked for."""
    made = typer.main.get_command(app)
    if not isinstance(made, TyperGroup):
        raise TypeError("a callback makes a group")
    # Typer 0.29 takes 1.5 ms to build a command, and a run is about one of thirty.
    made.commands = cast("Any", _Commands(places))
    return made


@cache
def _built(name: str, module: str, attribute: str) -> Command:
    found = getattr(import_module(f"opsctl.cli.commands.{module}"), attribute)
    if isinstance(found, TyperGroup):
        return found
    app = found
    if not isinstance(app, typer.Typer):
        app = new_app()
        app.command(name)(found)
    return cast("Command", typer.main.get_command(app))
