"""`opsctl why`: everything that explains one service."""

from __future__ import annotations

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import EnvironmentOption, Json, OneHost, ServiceArgument


def why(
    context: typer.Context,
    service: ServiceArgument,
    *,
    environment: EnvironmentOption = None,
    host: OneHost = "",
    json: Json = False,
) -> int:
    """Explain why a service is as it is.

    Its health log, exit, last lines, what changed on the host in 24 h, and the dependency that fell first.
    """
    from opsctl.cli.progress import progress
    from opsctl.cli.request import Request
    from opsctl.cli.session import online
    from opsctl.cli.views.why import why_json, why_view
    from opsctl.flows.why import why as look

    invocation = begin(context, json=json)
    request = Request.of_things([service], environment, host=host)
    with (
        progress(invocation.side, tell_steps=False) as listen,
        online(invocation, request, listen) as session,
    ):
        report = look(session.world, session.desired, service, host=host)
        now = session.world.clock.now()
    return answer(
        invocation,
        report.exit,
        blocks=why_view(report, now),
        data=why_json(report),
    )
