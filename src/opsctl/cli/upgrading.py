"""`opsctl upgrade`: a new tag into the files, a deploy of it, and the old one back where that is possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from threading import Event as Flag
from typing import TYPE_CHECKING, Literal

from opsctl.cli.answer import answer
from opsctl.cli.changing import Changed, blocks_of, changed
from opsctl.cli.consent import Consent
from opsctl.cli.deploying import bring_up
from opsctl.cli.invocation import Invocation
from opsctl.cli.lock_writing import write_lock
from opsctl.cli.meant import hosts_file_of, meant
from opsctl.cli.pinning_asked import Asked as PinsAsked
from opsctl.cli.pinning_world import PinningWorld, opened
from opsctl.cli.progress import progress
from opsctl.cli.put_back import WrittenFiles
from opsctl.cli.request import Request
from opsctl.cli.views.upgrade import Told, upgrade_json, upgrade_view
from opsctl.errors import Exit, OpsctlError, UsageError
from opsctl.images.lock_plan import plan_lock
from opsctl.images.upgrade import Written, next_tag, rewritten, with_tag, written_tag
from opsctl.images.wanted import Wanted
from opsctl.inputs.hosts_file import find_root
from opsctl.model.lock import LOCK_FILE
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit

if TYPE_CHECKING:
    from opsctl.checks.gates import Gate
    from opsctl.cli.session import Session
    from opsctl.flows.change import Confirm
    from opsctl.flows.reports import DeployReport
    from opsctl.plan.plans import Plan

End = Literal["upgraded", "put back", "returned", "stands"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line; without a `tag` the newest of the smallest step that the app takes."""

    service: str
    tag: str = ""
    environment: str | None = None
    yes: bool = False
    gate: bool = True
    verify: bool = True


@dataclass(frozen=True, slots=True)
class _Step:
    """What is written for the new tag. `gate` is that of the service's app."""

    written: Written
    tag: str
    files: WrittenFiles
    gate: Gate | None


def run(invocation: Invocation, asked: Asked) -> int:
    """To the exit code. Raises, with the files as they were, what pinning, a session and a deploy raise before a change."""
    root = find_root(invocation.folder)
    environment = meant(
        Request.of_things((asked.service,), asked.environment, changes=True), hosts_file_of(root)
    ).environment
    invocation.environment = environment
    files, agreed = WrittenFiles(root), Flag()
    try:
        step = _written(invocation, asked, environment, files)
        request = Request.of_things(step.written.services, environment, changes=True)
        found = changed(invocation, request, partial(_first, asked, agreed), yes=asked.yes)
    except BaseException as error:
        # After the yes only an interruption that abandons what runs comes this way: nobody knows how far it had come.
        if not agreed.is_set():
            _put_back_and_say(files, error)
        raise
    end, kept = _end(step, found.report)
    back = _return(invocation, request, asked) if end == "returned" else None
    return _told(invocation, Told(step.written, step.tag, files.names, end, kept), found, back)


def _written(invocation: Invocation, asked: Asked, environment: str, files: WrittenFiles) -> _Step:
    with progress(invocation.side, tell_steps=False) as listen:
        Consent(
            invocation, listen, yes=asked.yes
        )  # before anything is written: somebody must be there to ask
        with opened(invocation, PinsAsked("pin", (asked.service,), environment), listen) as world:
            return _write(world, asked, environment, files)


def _first(asked: Asked, agreed: Flag, session: Session, consent: Consent) -> DeployReport:
    def confirm(plan: Plan) -> bool:
        yes = consent(plan)
        if yes:
            agreed.set()
        return yes

    return _bring_up(session, confirm, gate=asked.gate, verify=asked.verify)


def _write(world: PinningWorld, asked: Asked, environment: str, files: WrittenFiles) -> _Step:
    written = written_tag(world.found.uses, asked.service, environment)
    gate = _gate(world, written)
    tag = asked.tag or next_tag(written, _tags(world, written), partial(_bars, gate))
    if tag == written.image.tag:
        return _Step(written, tag, files, gate)
    try:
        image = with_tag(written, tag)
        parse_reference(str(image))
    except Unfit as reason:
        raise UsageError(str(reason), hint=reason.hint) from None
    wanted = Wanted(image.key, image, written.uses)
    answers = world.asker.resolve({image.key: image})
    now, by = world.asker.clock.now(), world.asker.by
    plan = plan_lock(world.found.lock, [wanted], answers, now=now, by=by)
    for error in plan.errors.values():
        raise error
    before = (world.root / written.place.file).read_bytes()
    after = rewritten(written, before.decode(), tag, plan.lock.images[image.key].digest).encode()
    # The lock first: a digest that nothing names harms nobody where the run ends between the two.
    files.note(LOCK_FILE, lambda: write_lock(world.root, world.found.lock, plan.lock))
    files.write(written.place.file, before, after)
    return _Step(written, tag, files, gate)


def _tags(world: PinningWorld, written: Written) -> list[str]:
    answer = world.asker.tags({written.image.key: written.image})[written.image.key]
    if isinstance(answer, OpsctlError):
        raise answer
    return list(answer)


def _gate(world: PinningWorld, written: Written) -> Gate | None:
    from opsctl.apps.catalogue import find_app
    from opsctl.inputs.project import load
    from opsctl.render.fleet import services_of

    apps = {
        name: service.app
        for _stack, name, service in services_of(load(world.root), written.environment)
        if service.app
    }
    return find_app(apps[written.service]).gate if written.service in apps else None


def _bars(gate: Gate | None, old: str, new: str) -> str:
    from opsctl.checks.gates import step_refusal

    return step_refusal(old, gate.version(old), gate.version(new), gate) if gate else ""


def _bring_up(session: Session, confirm: Confirm, *, gate: bool, verify: bool) -> DeployReport:
    return bring_up(
        session,
        confirm,
        parallel=8,
        wait=True,
        verify=verify,
        gate=gate,
        heal=False,
        keep_host_edits=False,
    )


def _put_back_and_say(files: WrittenFiles, error: BaseException) -> None:
    if not files.names:
        return
    kept = files.put_back()
    if isinstance(error, OpsctlError):
        told = f"not put back: {'; '.join(kept)}" if kept else "the files are as they were"
        error.hint = "; ".join(filter(None, (error.hint, told)))


def _end(step: _Step, report: DeployReport) -> tuple[End, tuple[str, ...]]:
    """What becomes of the files, and what could not be put back."""
    if report.confirmed and report.exit is Exit.YES:
        return "upgraded", ()
    if not report.changed:
        return "put back", step.files.put_back()
    # Whoever has interrupted it does not want another deploy to begin.
    if report.exit is Exit.INTERRUPTED or not _returns(step) or not step.files.names:
        return "stands", ()
    kept = step.files.put_back()
    stays = any(one.startswith(f"{step.written.place.file}:") for one in kept)
    return ("stands" if stays else "returned"), kept


def _returns(step: _Step) -> bool:
    from opsctl.checks.gates import goes_back

    gate = step.gate
    return gate is not None and goes_back(gate, gate.version(step.written.image.tag), gate.version(step.tag))


def _return(invocation: Invocation, request: Request, asked: Asked) -> Changed | OpsctlError:
    """The old version again: its digest is that of before, and the yes to the new one was one to a working service."""
    invocation.err.write("the new version did not work out; the old one is deployed again\n")
    run = partial(_bring_up, gate=False, verify=asked.verify)
    try:
        return changed(invocation, request, run, yes=True)
    except OpsctlError as error:
        return error


def _told(invocation: Invocation, told: Told, found: Changed, back: Changed | OpsctlError | None) -> int:
    from opsctl.cli.envelope import error_entries
    from opsctl.cli.views.deploy import deploy_errors, deploy_json, failures_view

    returned = back.report if isinstance(back, Changed) else None
    data: Mapping[str, object] = {
        **upgrade_json(told),
        "deploy": deploy_json(found.report),
        "returned": deploy_json(returned) if returned else None,
    }
    entries = list(deploy_errors(found.report))
    entries += deploy_errors(returned) if returned else []
    entries += error_entries(back) if isinstance(back, OpsctlError) else []
    blocks = [
        *blocks_of(invocation, found),
        *(blocks_of(invocation, back) if isinstance(back, Changed) else ()),
        *upgrade_view(told, back.message if isinstance(back, OpsctlError) else "", returned),
    ]
    answer(invocation, found.report.exit, blocks=blocks, data=data, entries=entries)
    if not invocation.json:
        invocation.side.show(failures_view(found.report))
        if returned:
            invocation.side.show(failures_view(returned))
    return found.report.exit
