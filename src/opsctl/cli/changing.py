"""The road of every command that changes hosts: consent, progress, the flow, and how it ended on each host."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.cli.answer import answer
from opsctl.cli.consent import Consent
from opsctl.cli.invocation import Invocation
from opsctl.cli.progress import progress
from opsctl.cli.request import Request
from opsctl.cli.session import Session, online

if TYPE_CHECKING:
    from opsctl.cli.views.blocks import Block
    from opsctl.flows.reports import DeployReport


@dataclass(frozen=True, slots=True)
class Changed:
    """How a flow ended, and whether its plan is on the screen."""

    report: DeployReport
    shown: bool


def change(
    invocation: Invocation, request: Request, run: Callable[[Session, Consent], DeployReport], *, yes: bool
) -> int:
    """Runs a flow and shows its report, failures last; returns its exit code. Raises what session and flow raise."""
    found = changed(invocation, request, run, yes=yes)
    from opsctl.cli.views.deploy import deploy_errors, deploy_json, failures_view

    answer(
        invocation,
        found.report.exit,
        blocks=blocks_of(invocation, found),
        data=deploy_json(found.report),
        entries=deploy_errors(found.report),
    )
    if not invocation.json:
        invocation.side.show(failures_view(found.report))
    return found.report.exit


def changed(
    invocation: Invocation, request: Request, run: Callable[[Session, Consent], DeployReport], *, yes: bool
) -> Changed:
    """Runs a flow that asks for consent. Raises what session and flow raise."""
    with progress(invocation.side, tell_steps=True) as listen:
        consent = Consent(invocation, listen, yes=yes)
        with online(invocation, request, listen) as session:
            return Changed(run(session, consent), consent.shown)


def blocks_of(invocation: Invocation, found: Changed) -> Iterable[Block]:
    """What a person reads of it."""
    from opsctl.cli.views.deploy import deploy_view

    return deploy_view(found.report, shown=found.shown, width=invocation.data.width)
