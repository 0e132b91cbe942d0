"""`opsctl exec`: the operator's terminal inside a container."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentOption, OneHost, ServiceArgument


def exec_inside(
    context: typer.Context,
    service: ServiceArgument,
    words: Annotated[list[str], typer.Argument(metavar="CMD", show_default=False)],
    *,
    environment: EnvironmentOption = None,
    host: OneHost = "",
    user: Annotated[
        str,
        typer.Option(
            "--user", "-u", metavar="USER", help="As this user of the container.", show_default=False
        ),
    ] = "",
) -> int:
    """Run a command in a service's container.

    With this terminal; the exit code is that of the command. Write `--` before it.
    """
    from opsctl.cli.request import Request
    from opsctl.cli.session import online
    from opsctl.flows.passthrough import run_inside

    invocation = begin(context)
    request = Request.of_things([service], environment, host=host, changes=True)
    tty = sys.stdin.isatty() and sys.stdout.isatty()
    with online(invocation, request, lambda _event: None) as session:
        return run_inside(session.world, session.desired, service, words, tty=tty, host=host, user=user)
