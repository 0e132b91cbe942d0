"""`opsctl status`: how an environment is right now."""

from __future__ import annotations

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import Hosts, Json, Stacks, Words


def status(
    context: typer.Context, words: Words = None, host: Hosts = None, stack: Stacks = None, json: Json = False
) -> int:
    """Show services and hosts as they are, worst first."""
    from opsctl.cli.progress import progress
    from opsctl.cli.request import Request
    from opsctl.cli.session import online

    invocation = begin(context, json=json)
    request = Request.about(words, hosts=host, stacks=stack)
    with (
        progress(invocation.side, tell_steps=False) as listen,
        online(invocation, request, listen) as session,
    ):
        from opsctl.flows.status import status as look  # while hosts are dialled

        report = look(*session.parts)
    from opsctl.cli.views.status import status_json, status_view

    return answer(
        invocation,
        report.exit,
        blocks=status_view(report),
        data=status_json(report),
        errors={one.host: one.error for one in report.hosts if one.error},
    )
