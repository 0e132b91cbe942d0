"""`opsctl verify`: whether an environment is as its files say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import Hosts, Json, Stacks, Words
from opsctl.errors import OpsctlError, worst

if TYPE_CHECKING:
    from opsctl.cli.invocation import Invocation
    from opsctl.flows.verify import VerifyReport
    from opsctl.model.fleet import Fleet


def verify(
    context: typer.Context, words: Words = None, host: Hosts = None, stack: Stacks = None, json: Json = False
) -> int:
    """Check that what runs is what the files say: healthy, nothing to deploy, the locked images.

    Ends with 4 where a check failed, with 5 where one could not be told. Images that pass for the first time with their digest
    get `validated_at` in images.lock.yaml; where that cannot be written, it ends with 1 after all was told.
    """
    from opsctl.cli.progress import progress
    from opsctl.cli.request import Request
    from opsctl.cli.session import online

    invocation = begin(context, json=json)
    request = Request.about(words, hosts=host, stacks=stack)
    with (
        progress(invocation.side, tell_steps=False) as listen,
        online(invocation, request, listen) as session,
    ):
        from opsctl.flows.verify import verify as look  # while hosts are dialled

        fleet = session.project.fleet
        report = look(session.world, fleet, session.desired, session.selection)
        now = session.world.clock.now()
    return _told(invocation, fleet, report, now)


def _told(invocation: Invocation, fleet: Fleet, report: VerifyReport, now: float) -> int:
    """What was found is told also where the lock cannot be written."""
    from opsctl.cli.envelope import error_entries
    from opsctl.cli.lock_writing import record_green
    from opsctl.cli.views.blocks import BLANK
    from opsctl.cli.views.errors import error_view
    from opsctl.cli.views.verify import verify_json, verify_view

    recorded: tuple[str, ...] = ()
    unwritten: list[OpsctlError] = []
    try:
        recorded = record_green(fleet, report.green, now)
    except OpsctlError as reason:
        unwritten.append(reason)
    code = answer(
        invocation,
        worst([report.exit, *(error.exit for error in unwritten)]),
        blocks=verify_view(report, recorded),
        data=verify_json(report, recorded),
        errors=dict(report.errors),
        entries=[entry for error in unwritten for entry in error_entries(error)],
    )
    for error in unwritten:
        if not invocation.json:
            invocation.side.show([BLANK, *error_view(error)])
    return code
