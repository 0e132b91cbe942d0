"""`opsctl deploy`: the plan, one question, and exactly that plan."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.commands.plan import plan
from opsctl.cli.options import Heal, Hosts, Json, KeepHostEdits, NoWait, Stacks, Words

_AT_ONCE = 8


def deploy(
    context: typer.Context,
    words: Words = None,
    *,
    host: Hosts = None,
    stack: Stacks = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed without a terminal.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as plan.")] = False,
    serial: Annotated[
        bool, typer.Option("--serial", help="One host at a time; a failure stops those after it.")
    ] = False,
    parallel: Annotated[
        int, typer.Option("--parallel", metavar="N", min=1, help="Hosts changed at a time.")
    ] = _AT_ONCE,
    no_wait: NoWait = False,
    keep_host_edits: KeepHostEdits = False,
    heal: Heal = False,
    json: Json = False,
) -> int:
    """Bring hosts to what the files say.

    Takes the leases, looks, shows the plan, asks, and does exactly that plan.
    """
    if dry_run:
        return plan(
            context, words, host=host, stack=stack, keep_host_edits=keep_host_edits, heal=heal, json=json
        )
    from opsctl.cli.consent import Consent
    from opsctl.cli.ending import end_of_change
    from opsctl.cli.progress import progress
    from opsctl.cli.request import Request
    from opsctl.cli.session import online
    from opsctl.flows.deploy import deploy as run

    invocation = begin(context, json=json)
    request = Request.about(words, hosts=host, stacks=stack, changes=True)
    with progress(invocation.side, tell_steps=True) as listen:
        consent = Consent(invocation, listen, yes=yes)
        with online(invocation, request, listen) as session:
            report = run(
                session.world,
                session.desired,
                session.selection,
                confirm=consent,
                parallel=1 if serial else parallel,
                wait=not no_wait,
                heal=heal,
                keep_host_edits=keep_host_edits,
            )
    return end_of_change(invocation, report, shown=consent.shown)
