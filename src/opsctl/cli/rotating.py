"""Rotations as a command carries them out: which secrets, with which doors to the world, each shown, asked for and told."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from opsctl.cli.answer import answer
from opsctl.cli.arguments import require_known
from opsctl.cli.consent import ask
from opsctl.cli.envelope import error_entries
from opsctl.cli.invocation import Invocation
from opsctl.cli.progress import Progress, progress
from opsctl.cli.project import state_folder_of
from opsctl.cli.request import Request
from opsctl.cli.secret_prompts import ask_hidden, checked_value, piped_value
from opsctl.cli.secret_store import journal_path
from opsctl.cli.session import Session, online
from opsctl.cli.views.blocks import BLANK
from opsctl.cli.views.rotation import rotation_failures_view, rotation_plan_view, rotations_view
from opsctl.edges.ports import Journal, VersionedStore
from opsctl.edges.rotation_journal import RotationJournal
from opsctl.errors import Interrupted, OpsctlError, Refused, StoreUnusable, UsageError, worst
from opsctl.flows.rendering import SecretSource, rendered
from opsctl.flows.rotation.plans import RotationPlan, RotationReport, Way, rotation_json
from opsctl.flows.rotation.ports import Ports
from opsctl.flows.rotation.rotate import rotate
from opsctl.model.secrets import SecretClass, StoreFile
from opsctl.render.secret_uses import secret_uses
from opsctl.secrets.candidate import Candidate
from opsctl.secrets.policy import due_at
from opsctl.secrets.versions import Edit
from opsctl.state.desired import Desired


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for: names, or what is due, or a class; and which way."""

    names: tuple[str, ...] = ()
    due: bool = False
    of_class: SecretClass | None = None
    way: Way = "rotate"
    dry_run: bool = False
    yes: bool = False
    revoked: bool = False

    @property
    def asks(self) -> bool:
        return not (self.yes or self.dry_run)


def chosen(
    wanted: Wanted, file: StoreFile, now: float, opened: Callable[[str], bool]
) -> list[tuple[str, Way]]:
    """The secrets meant, each with its way; of what is due, those whose rotation waits for its end are gone on with.

    A class or what is due leaves out migrate_only; named, its runbook is told. Raises UsageError for a name that the store
    does not have.
    """
    if wanted.names:
        require_known("secret", wanted.names, file.secrets)
        return [(name, wanted.way) for name in dict.fromkeys(wanted.names)]
    found: list[tuple[str, Way]] = []
    for name, secret in sorted(file.secrets.items()):
        due = due_at(secret)
        if secret.class_ == "migrate_only" or wanted.of_class not in {None, secret.class_}:
            continue
        if wanted.due and opened(name):
            found.append((name, "resume"))
        elif not wanted.due or (due is not None and due <= now and secret.current):
            found.append((name, wanted.way))
    return found


def run(invocation: Invocation, environment: str | None, wanted: Wanted) -> int:
    """The whole command; returns its exit code. Raises what session and, of a single secret, `rotate` raise before anything
    is done.
    """
    _require_answerable(invocation, wanted)
    with progress(invocation.side, tell_steps=True) as listen:
        request = Request.of_environment(environment, changes=True)
        with online(invocation, request, listen) as session:
            reports = _carry_out(invocation, session, wanted, listen)
    code = worst(report.exit for report in reports)
    answer(
        invocation,
        code,
        blocks=rotations_view(reports),
        data={"rotations": [rotation_json(report) for report in reports]},
        entries=[entry for report in reports if report.error for entry in error_entries(report.error)],
    )
    if not invocation.json:
        invocation.side.show(rotation_failures_view(reports))
    return code


def _carry_out(
    invocation: Invocation, session: Session, wanted: Wanted, shown: Progress
) -> list[RotationReport]:
    """One after the other, as `_each` says."""
    world, values = session.world, session.values
    fleet, environment = session.project.fleet, session.project.environment
    store = values.store(fleet, environment)

    def journal(name: str) -> Journal:
        made = invocation.journal or RotationJournal
        return made(journal_path(fleet.root, environment, name))

    ports = Ports(
        store=_Heard(store, values.heard),
        journal=journal,
        render=_renderer(session),
        env_keys=lambda name: _env_keys(session, name),
        may_withdraw=lambda name, system: _may_withdraw(invocation, wanted, shown, name, system),
        chance=os.urandom,
        paste=lambda what: values.heard(_pasted(invocation, wanted, shown, what)),
        policy=session.policy,
        environment=environment,
    )
    todo = chosen(wanted, store.describe(), world.clock.now(), lambda name: bool(journal(name).opened()))
    confirm = _confirm(invocation, wanted, shown)
    return _each(wanted, todo, lambda name, way: rotate(world, ports, name, way, confirm))


def _each(
    wanted: Wanted, todo: Sequence[tuple[str, Way]], go: Callable[[str, Way], RotationReport]
) -> list[RotationReport]:
    """A report for each. The first that fails is the last, and the rest is not begun; except that, of what was not named, a
    secret that is refused does not keep the others from their turn.

    Of a single one, what is raised before anything was done is raised here too.
    """
    reports: list[RotationReport] = []
    for at, (name, way) in enumerate(todo, start=1):
        try:
            reports.append(go(name, way))
        except OpsctlError as caught:
            if len(todo) == 1:
                raise
            reports.append(RotationReport(name, error=caught))
        except KeyboardInterrupt:
            if not reports:
                raise
            reports.append(RotationReport(name, error=Interrupted("interrupted before it was begun")))
        if reports[-1].error and (wanted.names or not _concerns_one(reports[-1])):
            return [*reports, *(RotationReport(rest, confirmed=False) for rest, _way in todo[at:])]
    return reports


def _concerns_one(report: RotationReport) -> bool:
    """Whether nothing was begun, for a reason that says nothing of the next secret."""
    unusable = isinstance(report.error, StoreUnusable)
    return report.plan is None and isinstance(report.error, Refused | UsageError) and not unusable


@dataclass(frozen=True, slots=True)
class _Heard:
    """The store; every value that it gives is known to the redactor before anybody else has it."""

    store: VersionedStore
    heard: Callable[[str], str]

    def get(self, name: str) -> str:
        return self.heard(self.store.get(name))

    def login(self, name: str) -> str:
        return self.store.login(name)

    def names(self) -> frozenset[str]:
        return self.store.names()

    def describe(self) -> StoreFile:
        return self.store.describe()

    def value(self, name: str, version: str = "") -> str:
        return self.heard(self.store.value(name, version))

    def change(self, edit: Callable[[StoreFile], Edit]) -> StoreFile:
        return self.store.change(edit)


def _renderer(session: Session) -> Callable[[Mapping[str, Candidate], float], Desired]:
    fleet, environment, values = session.project.fleet, session.project.environment, session.values
    source: SecretSource = values.source(fleet, environment)
    folder = state_folder_of(fleet, environment)

    def render(replaced: Mapping[str, Candidate], now: float) -> Desired:
        for candidate in replaced.values():
            values.heard(candidate.value)
        return rendered(fleet, environment, source, replaced=replaced, now=now, state_folder=folder)

    return render


def _env_keys(session: Session, name: str) -> tuple[Collection[str], Collection[str]]:
    """The variables that hold a secret, and all that hold one in the same services."""
    uses = secret_uses(session.project.fleet, session.project.environment)
    own = uses.get(name, ())
    services = {use.service for use in own}
    beside = {use.env_key for several in uses.values() for use in several if use.service in services}
    return {use.env_key for use in own if use.env_key}, beside - {""}


def _pasted(invocation: Invocation, wanted: Wanted, shown: Progress, what: str) -> str:
    """Empty where nothing was brought. Raises UsageError where it could not be asked for, or cannot be a secret's value."""
    if wanted.dry_run:
        return "what a person will paste"
    shown.pause()
    try:
        if not invocation.stdin.isatty():
            value = piped_value(invocation.stdin)
        elif invocation.can_ask:
            value = ask_hidden(invocation, f"{what}: ")
        else:
            why = "--json asks nothing" if invocation.json else "the question could not be seen"
            raise UsageError(f"{what}, is needed, and {why}", hint="pipe it in")
        return checked_value(value, what) if value else ""
    finally:
        shown.resume()


def _may_withdraw(invocation: Invocation, wanted: Wanted, shown: Progress, name: str, system: str) -> bool:
    if wanted.revoked:
        return True
    if wanted.yes or not invocation.can_ask:
        return False
    shown.pause()
    try:
        return ask(invocation, f"Was the old value of {name} revoked at {system}?")
    finally:
        shown.resume()


def _confirm(invocation: Invocation, wanted: Wanted, shown: Progress) -> Callable[[RotationPlan], bool]:
    def confirm(plan: RotationPlan) -> bool:
        shown.pause()
        if not invocation.json:
            invocation.data.show([*rotation_plan_view(plan, invocation.data.width), BLANK])
        agreed = not wanted.dry_run and (wanted.yes or ask(invocation, "Carry this out?"))
        if agreed:
            shown.resume()
        return agreed

    return confirm


def _require_answerable(invocation: Invocation, wanted: Wanted) -> None:
    """Raises UsageError at once where nobody could be asked later and --yes was not given."""
    if wanted.asks and not invocation.can_ask:
        why = "--json asks nothing" if invocation.json else "there is no terminal to ask on"
        raise UsageError(
            f"this needs a yes, and {why}", hint="look at it with --dry-run first, then add --yes"
        )


def require_one_choice(names: Sequence[str], way: Way, *, due: bool, of_class: str | None) -> None:
    """Raises UsageError where it stays open which secrets are meant, or where that is said twice; and for a way other than
    forwards with secrets that are not named.
    """
    given = sum([bool(names), due, of_class is not None])
    if given == 0:
        raise UsageError(
            "name the secrets", hint="NAME…, --due, or --class CLASS; opsctl secrets list shows them"
        )
    if given > 1 and (names or not (due and of_class)):
        raise UsageError("names, --due and --class exclude each other", hint="--due and --class go together")
    if of_class == "migrate_only":
        raise Refused(
            "secrets of class migrate_only are never rotated",
            hint="name one: what has to be done by hand is told then",
        )
    if way != "rotate" and not names:
        raise UsageError(
            f"--{way} is for secrets that are named",
            hint="--due goes on with what waits for its end by itself",
        )


def require_class(name: str | None) -> SecretClass | None:
    """Raises UsageError with the nearest one for a class that is none."""
    if name is None:
        return None
    known: dict[str, SecretClass] = {one: one for one in get_args(SecretClass)}
    require_known("class", [name], known)
    return known[name]


def require_one_way(*, resume: bool, abort: bool, rollback: bool) -> Way:
    """Raises UsageError where several are given."""
    given: dict[Way, bool] = {"resume": resume, "abort": abort, "rollback": rollback}
    ways = [way for way, asked in given.items() if asked]
    if len(ways) > 1:
        raise UsageError(" and ".join(f"--{way}" for way in ways) + " exclude each other")
    return ways[0] if ways else "rotate"
