"""`opsctl diff`: the changed lines and keys."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import Hosts, Json, Stacks, Words


def diff(
    context: typer.Context,
    words: Words = None,
    *,
    host: Hosts = None,
    stack: Stacks = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 4 if anything differs.")] = False,
    json: Json = False,
) -> int:
    """Show the lines and keys that a deploy would change.

    Files and compose.yml by line, env files by key; secrets are masked.
    """
    from opsctl.cli.progress import progress
    from opsctl.cli.request import Request
    from opsctl.cli.session import online
    from opsctl.cli.views.diff import diff_json, diff_view
    from opsctl.errors import Exit, worst
    from opsctl.flows.diff import diff as compare

    invocation = begin(context, json=json)
    request = Request.about(words, hosts=host, stacks=stack)
    with (
        progress(invocation.side, tell_steps=False) as listen,
        online(invocation, request, listen) as session,
    ):
        report = compare(*session.parts)
    asked = [Exit.NO] if exit_code and report.changes else []
    return answer(
        invocation,
        worst([report.exit, *asked]),
        blocks=diff_view(report),
        data=diff_json(report),
        errors=report.errors,
    )
