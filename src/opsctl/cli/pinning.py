"""What `pin-images` does in each of its ways: read the fleet, ask, decide, write, show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsctl.cli.answer import answer
from opsctl.cli.envelope import error_entries
from opsctl.cli.invocation import Invocation
from opsctl.cli.lock_writing import write_lock
from opsctl.cli.pinning_asked import Asked, require_fitting
from opsctl.cli.pinning_world import PinningWorld, opened
from opsctl.cli.progress import progress
from opsctl.cli.source_writing import plan_writing, write_sources
from opsctl.cli.views import pins as views
from opsctl.cli.views.blocks import BLANK, Block
from opsctl.cli.views.errors import error_view
from opsctl.errors import Exit, OpsctlError, UsageError, worst
from opsctl.flows.pins.checking import check, exit_of, outdated
from opsctl.flows.pins.pinning import pin, roll_back, update, written_elsewhere
from opsctl.flows.pins.running import running
from opsctl.images.findings import exit_of as exit_of_findings
from opsctl.images.lock_plan import LockPlan, plan_lock
from opsctl.images.source_plan import SourcePlan
from opsctl.model.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def run(invocation: Invocation, asked: Asked) -> int:
    """To the exit code: 4 for a check that finds something or an image that cannot be pinned, 5 where it is not known."""
    require_fitting(asked)
    invocation.environment = asked.environment or ""
    with progress(invocation.side, tell_steps=False) as listen, opened(invocation, asked, listen) as world:
        if asked.mode == "check":
            return _check(invocation, asked, world)
        if asked.mode == "outdated":
            return _outdated(invocation, asked, world)
        plan = _plan(asked, world)
        sources = _sources(asked, world, plan)
        written = not asked.dry_run and _write(world, plan, sources)
    return _told(invocation, asked, plan, sources, written=written)


def _check(invocation: Invocation, asked: Asked, world: PinningWorld) -> int:
    findings = check(world.found, asked.names, None if asked.offline else world.asker)
    return answer(
        invocation,
        exit_of_findings(findings, strict=asked.strict),
        blocks=views.findings_view(
            findings,
            len(world.found.chosen(asked.names)),
            offline=asked.offline,
            strict=asked.strict,
        ),
        data=views.findings_json(findings),
    )


def _outdated(invocation: Invocation, asked: Asked, world: PinningWorld) -> int:
    rows = outdated(world.found, asked.names, world.asker)
    now = world.asker.clock.now()
    return _answer(
        invocation,
        exit_of(rows),
        views.outdated_view(rows, now),
        views.outdated_json(rows),
        [row.error for row in rows if row.error],
    )


def _plan(asked: Asked, world: PinningWorld) -> LockPlan:
    match asked.mode:
        case "update":
            return update(world.found, asked.names, world.asker, into_files=asked.write_source)
        case "rollback":
            return roll_back(world.found, asked.names, now=world.asker.clock.now())
        case "running":
            return _plan_running(asked, world)
        case _:
            return pin(world.found, asked.names, world.asker)


def _plan_running(asked: Asked, world: PinningWorld) -> LockPlan:
    hosts = tuple(name for name in asked.names if name in world.hosts) or tuple(world.hosts)
    names = tuple(name for name in asked.names if name not in world.hosts)
    _require_meant(names, world)
    images = world.found.chosen(names)
    answers = running(images, world.project, world.engines(hosts), world.asker.registry, named=bool(names))
    told = [one for one in images if one.key in answers]
    now = world.asker.clock.now()
    return plan_lock(world.found.lock, told, answers, now=now, by=f"running on {', '.join(hosts)}")


def _require_meant(names: Sequence[str], world: PinningWorld) -> None:
    """Raises UsageError for one that is no host either, with the nearest of all that it could have meant."""
    images = world.found.images
    known = {
        *world.hosts,
        *(image.key for image in images),
        *(name for image in images for name in image.services),
    }
    for name in names:
        try:
            world.found.chosen([name])
        except UsageError:
            raise UsageError(
                f"no host, no image and no service is called {name}", hint=nearest(name, known)
            ) from None


def _sources(asked: Asked, world: PinningWorld, plan: LockPlan) -> SourcePlan | None:
    if not asked.write_source:
        return None
    named = () if asked.mode == "running" else asked.names
    keys = {one.key for one in world.found.chosen(named)} - set(plan.errors)
    return plan_writing(world.root, world.found.uses, plan.lock, keys)


def _write(world: PinningWorld, plan: LockPlan, sources: SourcePlan | None) -> bool:
    changed = write_lock(world.root, world.found.lock, plan.lock)
    rewritten = sources is not None and write_sources(world.root, sources)
    return changed or rewritten


def _told(
    invocation: Invocation, asked: Asked, plan: LockPlan, sources: SourcePlan | None, *, written: bool
) -> int:
    held = written_elsewhere([change.wanted for change in plan.changes if change.wanted])
    kept = held if asked.mode == "update" and not asked.write_source else ()
    return _answer(
        invocation,
        worst(error.exit for error in plan.errors.values()),
        views.lock_plan_view(plan, sources, kept, dry_run=asked.dry_run, written=written),
        views.lock_plan_json(plan, sources, written=written),
        list(plan.errors.values()),
    )


def _answer(
    invocation: Invocation,
    code: Exit,
    blocks: Iterable[Block],
    data: Mapping[str, Any],
    errors: Sequence[OpsctlError],
) -> int:
    """With errors of single images on stderr, or in the envelope; one that stands for many images is told once."""
    errors = list({str(error): error for error in errors}.values())
    entries = [entry for error in errors for entry in error_entries(error)]
    answer(invocation, code, blocks=blocks, data=data, entries=entries)
    if not invocation.json:
        for error in errors:
            invocation.side.show([BLANK, *error_view(error)])
    return code
