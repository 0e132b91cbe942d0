"""`opsctl verify`: the checks chosen and put to the hosts, what they found told, green images written into the lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from opsctl.checks.check import Severity, Tag
from opsctl.cli.answer import answer
from opsctl.cli.envelope import error_entries
from opsctl.cli.invocation import Invocation
from opsctl.cli.progress import progress
from opsctl.cli.request import Request
from opsctl.cli.session import online
from opsctl.errors import OpsctlError, UsageError, worst
from opsctl.model.nearest import nearest

if TYPE_CHECKING:
    from opsctl.checks.check import Check
    from opsctl.cli.session import Session
    from opsctl.flows.checking.answering import Outside
    from opsctl.flows.checking.report import VerifyReport
    from opsctl.flows.gating import Gates
    from opsctl.flows.reports import HostOutcome
    from opsctl.flows.verify import Choice
    from opsctl.model.fleet import Fleet
    from opsctl.plan.plans import Plan
    from opsctl.rules.subject import Subject
    from opsctl.state.observed import Observed


@dataclass(frozen=True, slots=True)
class Files:
    """What is written for other programs, and where."""

    junit: Path | None = None
    prometheus: Path | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    tags: tuple[str, ...] = ()
    severity: Severity = "low"
    files: Files = Files()
    allow_metered: bool = False
    show_all: bool = False
    notify: bool = False


def verified(invocation: Invocation, request: Request, wanted: Wanted) -> int:
    """Raises UsageError for a tag that no check has, and what a session raises."""
    _require_tags(wanted.tags)
    with (
        progress(invocation.side, tell_steps=False) as listen,
        online(invocation, request, listen) as session,
    ):
        from opsctl.flows.verify import Choice  # while hosts are dialled

        choice = Choice(frozenset(wanted.tags), wanted.severity, wanted.allow_metered)
        report = look(session, choice)
        now = session.world.clock.now()
        fleet = session.project.fleet
    return _told(invocation, fleet, report, now, wanted)


def look(session: Session, choice: Choice) -> VerifyReport:
    """The checks of everything that the session is about."""
    from opsctl.flows.verify import verify

    return verify(session.world, *_asking(session), selection=session.selection, choice=choice)


def look_after(
    session: Session, before: Mapping[str, Observed], changed: Sequence[HostOutcome]
) -> VerifyReport:
    """The checks at the end of a deploy, of the hosts that it changed."""
    from opsctl.flows.verify import verify_changed

    return verify_changed(
        session.world, *_asking(session), changed=changed, before=before, selection=session.selection
    )


def open_gates(session: Session, observed: Mapping[str, Observed], plan: Plan) -> Gates:
    """The gates of a deploy, with what the checks ask from."""
    from opsctl.flows.gating import Gates

    subject, _checks, outside = _asking(session)
    return Gates(subject, outside, observed, plan)


def _asking(session: Session) -> tuple[Subject, Sequence[Check], Outside]:
    from opsctl.apps.catalogue import apps_of, checks_of
    from opsctl.checks.own.catalogue import own_checks
    from opsctl.edges.local.network import OwnNetwork, source_to
    from opsctl.flows.checking.answering import Outside
    from opsctl.rules.subject import Subject

    project = session.project
    stored = session.values.stored(project.fleet, project.environment)
    subject = Subject(project.fleet, project.desired, stored, session.world.clock.now())
    checks = (*checks_of(apps_of(project.fleet)), *own_checks(subject))
    return subject, checks, Outside(OwnNetwork(), source_to)


def _require_tags(tags: tuple[str, ...]) -> None:
    known = get_args(Tag)
    for tag in tags:
        if tag not in known:
            raise UsageError(
                f"no check has the tag {tag!r}", hint=nearest(tag, known) or f"there are: {', '.join(known)}"
            )


def _told(invocation: Invocation, fleet: Fleet, report: VerifyReport, now: float, wanted: Wanted) -> int:
    """What was found is told also where a file cannot be written."""
    from opsctl.cli.lock_writing import record_green
    from opsctl.cli.verify_files import write_files
    from opsctl.cli.views.blocks import BLANK
    from opsctl.cli.views.errors import error_view
    from opsctl.cli.views.verify import verify_json, verify_view

    recorded: tuple[str, ...] = ()
    unwritten: list[OpsctlError] = []
    try:
        recorded = record_green(fleet, report.green, now)
    except OpsctlError as reason:
        unwritten.append(reason)
    unwritten += write_files(report, now, junit=wanted.files.junit, prometheus=wanted.files.prometheus)
    code = answer(
        invocation,
        worst([report.exit, *(error.exit for error in unwritten)]),
        blocks=verify_view(report, recorded, show_all=wanted.show_all),
        data=verify_json(report, recorded),
        errors=dict(report.errors),
        entries=[entry for error in unwritten for entry in error_entries(error)],
    )
    for error in unwritten:
        if not invocation.json:
            invocation.side.show([BLANK, *error_view(error)])
    return code
