"""`opsctl deploy`: the plan, one question, and exactly that plan."""

from __future__ import annotations

from functools import partial

import typer

from opsctl.cli.answer import begin
from opsctl.cli.commands.plan import plan
from opsctl.cli.options import (
    DryRun,
    Heal,
    Hosts,
    Json,
    KeepHostEdits,
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
    from opsctl.cli.changing import change
    from opsctl.cli.request import Request
    from opsctl.flows.deploy import deploy as deploy_hosts

    run = partial(deploy_hosts, parallel=1 if serial else parallel, wait=not no_wait, heal=heal)
    return change(
        begin(context, json=json),
        Request.about(words, hosts=host, stacks=stack, changes=True),
        lambda its, asked: run(*its.parts, confirm=asked, policy=its.policy, keep_host_edits=keep_host_edits),
        yes=yes,
    )
