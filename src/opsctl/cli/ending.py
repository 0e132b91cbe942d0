"""How a command that changes hosts ends: what was done on each, failures last."""

from __future__ import annotations

from opsctl.cli.answer import answer
from opsctl.cli.invocation import Invocation
from opsctl.cli.views.deploy import deploy_errors, deploy_json, deploy_view, failures_view
from opsctl.flows.reports import DeployReport


def end_of_change(invocation: Invocation, report: DeployReport, *, shown: bool) -> int:
    """`shown`: the plan is on the screen already, because it was shown before it was carried out."""
    answer(
        invocation,
        report.exit,
        blocks=deploy_view(report, shown=shown, width=invocation.data.width),
        data=deploy_json(report),
        entries=deploy_errors(report),
    )
    if not invocation.json:
        invocation.side.show(failures_view(report))
    return report.exit
