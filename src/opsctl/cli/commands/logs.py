"""`opsctl logs`: lines of containers, as they come."""

from __future__ import annotations

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentOption, Follow, LogTail, OneHost, ServiceArguments, Since


def logs(
    context: typer.Context,
    services: ServiceArguments,
    *,
    environment: EnvironmentOption = None,
    host: OneHost = "",
    follow: Follow = False,
    tail: LogTail = 100,
    since: Since = "",
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
