"""The road of every command that changes hosts: consent, progress, the flow, and how it ended on each host."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from opsctl.cli.answer import answer
from opsctl.cli.consent import Consent
from opsctl.cli.invocation import Invocation
from opsctl.cli.progress import progress
from opsctl.cli.request import Request
from opsctl.cli.session import Session, online

if TYPE_CHECKING:
    from opsctl.flows.reports import DeployReport


def change(
    invocation: Invocation, request: Request, run: Callable[[Session, Consent], DeployReport], *, yes: bool
) -> int:
    """Runs a flow and shows its report, failures last; returns its exit code. Raises what session and flow raise."""
    with progress(invocation.side, tell_steps=True) as listen:
        consent = Consent(invocation, listen, yes=yes)
        with online(invocation, request, listen) as session:
            report = run(session, consent)
    from opsctl.cli.views.deploy import deploy_errors, deploy_json, deploy_view, failures_view

    answer(
        invocation,
        report.exit,
        blocks=deploy_view(report, shown=consent.shown, width=invocation.data.width),
        data=deploy_json(report),
        entries=deploy_errors(report),
    )
    if not invocation.json:
        invocation.side.show(failures_view(report))
    return report.exit
