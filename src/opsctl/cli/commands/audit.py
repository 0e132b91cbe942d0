"""`opsctl audit`: who changed what, and how it ended."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import EnvironmentArgument, Hosts, Json

_TAIL = 20


def audit(
    context: typer.Context,
    environment: EnvironmentArgument = None,
    host: Hosts = None,
    tail: Annotated[
        int, typer.Option("--tail", metavar="N", min=1, help="The last N changes of each host.")
    ] = _TAIL,
    json: Json = False,
) -> int:
    """Show who changed what, and how it ended."""
    from opsctl.cli.progress import progress
    from opsctl.cli.request import Request
    from opsctl.cli.session import online
    from opsctl.cli.views.audit import audit_json, audit_view
    from opsctl.flows.audit import audit as read

    invocation = begin(context, json=json)
    request = Request(environment=environment, hosts=tuple(host or ()))
    with (
        progress(invocation.side, tell_steps=False) as listen,
        online(invocation, request, listen) as session,
    ):
        report = read(*session.parts, limit=tail)
    return answer(
        invocation, report.exit, blocks=audit_view(report), data=audit_json(report), errors=report.errors
    )
