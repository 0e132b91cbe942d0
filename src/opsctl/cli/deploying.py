"""A deploy of a session, with the checks at its end and the gates at its beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.cli.session import Session
    from opsctl.flows.change import Confirm
    from opsctl.flows.checking.report import VerifyReport
    from opsctl.flows.gating import Gates
    from opsctl.flows.reports import DeployReport, HostOutcome
    from opsctl.plan.plans import Plan
    from opsctl.state.observed import Observed


def bring_up(
    session: Session,
    confirm: Confirm,
    *,
    parallel: int,
    wait: bool,
    verify: bool,
    gate: bool,
    heal: bool,
    keep_host_edits: bool,
) -> DeployReport:
    """`verify` asks the checks at the end, `gate` tries new versions at the beginning."""
    from opsctl.flows.deploy import deploy  # while hosts are dialled

    return deploy(
        *session.parts,
        confirm=confirm,
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
