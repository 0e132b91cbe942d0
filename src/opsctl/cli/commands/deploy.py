"""`opsctl deploy`: the plan, one question, and exactly that plan."""

from __future__ import annotations

from functools import partial

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import (
    DryRun,
    Heal,
    Hosts,
    Json,
    KeepHostEdits,
    NoGate,
    NoVerify,
    NoWait,
    Parallel,
    Serial,
    Stacks,
    Words,
    Yes,
)


def deploy(
    context: typer.Context,
    words: Words = None,
    *,
    host: Hosts = None,
    stack: Stacks = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    serial: Serial = False,
    parallel: Parallel = 8,
    no_wait: NoWait = False,
    no_verify: NoVerify = False,
    no_gate: NoGate = False,
    keep_host_edits: KeepHostEdits = False,
    heal: Heal = False,
    json: Json = False,
) -> int:
    """Bring hosts to what the files say.

    Takes the leases, looks, shows the plan, asks, tries new versions of apps before anything stops, and does exactly that
    plan. Then asks the checks with the tag deploy of the hosts that it changed: where one does not pass, it ends with 1.
    """
    if dry_run:
        from opsctl.cli.commands.plan import plan

        return plan(
            context, words, host=host, stack=stack, keep_host_edits=keep_host_edits, heal=heal, json=json
        )
    from opsctl.cli.changing import change
    from opsctl.cli.deploying import bring_up
    from opsctl.cli.request import Request

    how = partial(bring_up, wait=not no_wait, heal=heal, keep_host_edits=keep_host_edits, gate=not no_gate)
    run = partial(how, parallel=1 if serial else parallel, verify=not (no_verify or no_wait))
    request = Request.about(words, hosts=host, stacks=stack, changes=True)
    return change(begin(context, json=json), request, run, yes=yes)
