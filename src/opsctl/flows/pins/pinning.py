"""New digests for the lock: of what it lacks, of tags that moved, of what it held before."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.errors import UsageError
from opsctl.flows.pins.asking import Asker
from opsctl.flows.pins.inventory import Inventory
from opsctl.images.lock_plan import LockPlan, plan_lock, plan_rollback, unlocked, unused
from opsctl.images.wanted import Wanted


def pin(found: Inventory, names: Sequence[str], asker: Asker) -> LockPlan:
    """Digests for images that the lock lacks; what is locked stays, and what nothing names any more goes.

    Without all environments, or with names, nothing goes. Raises UsageError for names that mean nothing.
    """
    images = unlocked(found.lock, found.chosen(names))
    answers = asker.resolve({one.key: one.reference if one.written else one.tagged for one in images})
    drop = unused(found.lock, found.images) if found.whole and not names else ()
    return plan_lock(found.lock, images, answers, now=asker.clock.now(), by=asker.by, drop=drop)


def update(found: Inventory, names: Sequence[str], asker: Asker, *, into_files: bool) -> LockPlan:
    """What the tags name now, whatever is locked. A digest in a file counts, unless files are written too (`into_files`).

    Raises UsageError for names that mean nothing.
    """
    images = found.chosen(names)
    kept = [] if into_files else [one for one in images if one.written]
    asked = {one.key: one.reference if one in kept else one.tagged for one in images}
    drop = unused(found.lock, found.images) if found.whole and not names else ()
    return plan_lock(found.lock, images, asker.resolve(asked), now=asker.clock.now(), by=asker.by, drop=drop)


def roll_back(found: Inventory, names: Sequence[str], *, now: float) -> LockPlan:
    """The digests before. Raises UsageError without names, and for names that mean nothing."""
    if not names:
        raise UsageError("name the images to roll back", hint="opsctl pin-images --rollback NAME")
    return plan_rollback(found.lock, found.chosen(names), now=now)


def written_elsewhere(images: Sequence[Wanted]) -> tuple[Wanted, ...]:
    """Images whose digest stands in a file, which an update of the lock alone does not move."""
    return tuple(one for one in images if one.written)
