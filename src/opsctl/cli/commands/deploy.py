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
    NoGate,
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
    from opsctl.flows.gating import Gates
    from opsctl.flows.reports import DeployReport, HostOutcome
    from opsctl.plan.plans import Plan
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
    from opsctl.cli.request import Request

    how = partial(_run, wait=not no_wait, heal=heal, keep_host_edits=keep_host_edits, gate=not no_gate)
    run = partial(how, parallel=1 if serial else parallel, verify=not (no_verify or no_wait))
    request = Request.about(words, hosts=host, stacks=stack, changes=True)
    return change(begin(context, json=json), request, run, yes=yes)


def _run(
    session: Session,
    consent: Consent,
    *,
    parallel: int,
    wait: bool,
    verify: bool,
    gate: bool,
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
        gates=partial(_gates, session) if gate else None,
    )


def _check(session: Session, before: Mapping[str, Observed], changed: Sequence[HostOutcome]) -> VerifyReport:
    from opsctl.cli.verifying import look_after  # where nothing changes, nothing is asked

    return look_after(session, before, changed)


def _gates(session: Session, observed: Mapping[str, Observed], plan: Plan) -> Gates:
    from opsctl.cli.verifying import open_gates  # where nothing changes, no version does

    return open_gates(session, observed, plan)
