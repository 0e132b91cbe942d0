"""`opsctl plan`: what a deploy would do, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import Heal, Hosts, Json, KeepHostEdits, Stacks, Words


def plan(
    context: typer.Context,
    words: Words = None,
    *,
    host: Hosts = None,
    stack: Stacks = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 4 if anything would change.")
    ] = False,
    keep_host_edits: KeepHostEdits = False,
    heal: Heal = False,
    json: Json = False,
) -> int:
    """Show what deploy would do and why; changes nothing."""
    from opsctl.cli.progress import progress
    from opsctl.cli.request import Request
    from opsctl.cli.session import online
    from opsctl.errors import Exit, worst

    invocation = begin(context, json=json)
    request = Request.about(words, hosts=host, stacks=stack)
    with (
        progress(invocation.side, tell_steps=False) as listen,
        online(invocation, request, listen) as session,
    ):
        from opsctl.flows.planning import make_plan  # while hosts are dialled

        report = make_plan(*session.parts, heal=heal, keep_host_edits=keep_host_edits, policy=session.policy)
    from opsctl.cli.views.plan import plan_view
    from opsctl.plan.plans import as_json

    asked = [Exit.NO] if exit_code and report.plan.changes else []
    return answer(
        invocation,
        worst([report.exit, *asked]),
        blocks=plan_view(report.plan, invocation.data.width) if report.plan.hosts else (),
        data=as_json(report.plan),
        errors=report.errors,
    )
