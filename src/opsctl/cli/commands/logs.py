"""`opsctl logs`: lines of containers, as they come."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentOption, OneHost, ServiceArguments

_TAIL = 100


def logs(
    context: typer.Context,
    services: ServiceArguments,
    *,
    environment: EnvironmentOption = None,
    host: OneHost = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    tail: Annotated[
        int, typer.Option("--tail", "-n", metavar="N", min=0, help="The last N lines of each.")
    ] = _TAIL,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Not older than 15m, 2h30m …, or an ISO 8601 time.",
            show_default=False,
        ),
    ] = "",
) -> int:
    """Show the last lines of services, secrets masked."""
    from opsctl.cli.log_lines import LogLines, parse_since
    from opsctl.cli.progress import progress
    from opsctl.cli.request import Request
    from opsctl.cli.session import online
    from opsctl.flows.passthrough import show_logs

    invocation = begin(context)
    request = Request.of_things(services, environment, host=host)
    with (
        progress(invocation.side, tell_steps=False) as listen,
        online(invocation, request, listen) as session,
    ):
        moment = parse_since(since, now=session.world.clock.now()) if since else None
        write = LogLines(invocation.data, several=len(services) > 1, before_first=listen.pause)
        show_logs(
            session.world,
            session.desired,
            services,
            write=write,
            tail=tail,
            follow=follow,
            since=moment,
            host=host,
        )
    return 0
