"""`opsctl deploy`: the plan, one question, and exactly that plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import (
    DryRun,
    Heal,
    Hosts,
    Json,
    KeepHostEdits,
    NoVerify,
    NoWait,
    Parallel,
    Serial,
    Stacks,
    Words,
    Yes,
)

if TYPE_CHECKING:
    from opsctl.cli.consent import Consent
    from opsctl.cli.session import Session
    from opsctl.flows.checking.report import VerifyReport
    from opsctl.flows.reports import DeployReport, HostOutcome
    from opsctl.state.observed import Observed


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
    keep_host_edits: KeepHostEdits = False,
    heal: Heal = False,
    json: Json = False,
) -> int:
    """Bring hosts to what the files say.

    Takes the leases, looks, shows the plan, asks, and does exactly that plan. Then asks the checks with the tag deploy of the
    hosts that it changed: where one does not pass, it ends with 1.
    """
    if dry_run:
        from opsctl.cli.commands.plan import plan

        return plan(
            context, words, host=host, stack=stack, keep_host_edits=keep_host_edits, heal=heal, json=json
        )
    from opsctl.cli.changing import change
    from opsctl.cli.request import Request

    run = partial(
        _run,
        parallel=1 if serial else parallel,
        wait=not no_wait,
        verify=not (no_verify or no_wait),
        heal=heal,
        keep_host_edits=keep_host_edits,
    )
    request = Request.about(words, hosts=host, stacks=stack, changes=True)
    return change(begin(context, json=json), request, run, yes=yes)


def _run(
    session: Session,
    consent: Consent,
    *,
    parallel: int,
    wait: bool,
    verify: bool,
    heal: bool,
    keep_host_edits: bool,
) -> DeployReport:
    from opsctl.flows.deploy import deploy as bring_up  # while hosts are dialled

    return bring_up(
        *session.parts,
        confirm=consent,
        parallel=parallel,
        wait=wait,
        heal=heal,
        keep_host_edits=keep_host_edits,
        policy=session.policy,
        check=partial(_check, session) if verify else None,
    )


def _check(session: Session, before: Mapping[str, Observed], changed: Sequence[HostOutcome]) -> VerifyReport:
    from opsctl.cli.verifying import look_after  # where nothing changes, nothing is asked

    return look_after(session, before, changed)
