"""The end of every command: its answer as blocks or as an envelope, its hosts' errors, its exit code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from opsctl.cli.envelope import envelope, host_entries
from opsctl.cli.invocation import Invocation
from opsctl.cli.views.blocks import BLANK, Block
from opsctl.cli.views.errors import host_errors_view
from opsctl.errors import OpsctlError


def begin(context: typer.Context, *, json: bool = False) -> Invocation:
    """The invocation, told which command it runs and how it shall answer."""
    invocation = context.obj
    if not isinstance(invocation, Invocation):
        raise TypeError("the context carries no invocation")
    invocation.command = context.command_path.partition(" ")[2]
    invocation.json = json
    return invocation


def answer(
    invocation: Invocation,
    exit_code: int,
    *,
    blocks: Iterable[Block],
    data: Any,
    errors: Mapping[str, OpsctlError] | None = None,
    entries: Sequence[Mapping[str, Any]] = (),
) -> int:
    """Data to stdout; the errors of single hosts to stderr, or into the envelope, where `entries` may join them."""
    errors = errors or {}
    if invocation.json:
        text = envelope(
            command=invocation.command,
            environment=invocation.environment,
            exit_code=exit_code,
            data=data,
            errors=[*host_entries(errors), *entries],
        )
        invocation.out.write(text)
    else:
        shown = invocation.data.show(blocks)
        invocation.side.show(
            [BLANK, *host_errors_view(errors)] if shown and errors else host_errors_view(errors)
        )
    return exit_code
