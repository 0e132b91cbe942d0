"""Writing images.lock.yaml: as it shall be, unless somebody else changed it since it was read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opsctl.edges.saving import only_writer, replace
from opsctl.errors import OperationFailed
from opsctl.images.lock_plan import validated
from opsctl.images.lock_text import lock_text
from opsctl.inputs.draft import Draft
from opsctl.inputs.lock_file import read_lock
from opsctl.model.fleet import Fleet
from opsctl.model.lock import LOCK_FILE, Lock


def write_lock(root: Path, was: Lock, lock: Lock) -> bool:
    """Whether anything changed. Comments of the file stay, and so do entries that another run wrote meanwhile.

    Raises OperationFailed where that run wrote one of the same entries, or the file cannot be written.
    """
    if lock == was:
        return False
    path = root / LOCK_FILE
    with only_writer(path):
        before, present = _read(path)
        _write(path, _merged(present, was, lock), before)
    return True


def _merged(present: Lock, was: Lock, lock: Lock) -> Lock:
    """The present lock with what changed between the other two. Raises OperationFailed."""
    changed = {key for key in {*was.images, *lock.images} if was.images.get(key) != lock.images.get(key)}
    both = sorted(key for key in changed if present.images.get(key) != was.images.get(key))
    if both:
        raise OperationFailed(
            f"{LOCK_FILE} was changed by something else in the meantime ({', '.join(both)})",
            hint="run it again",
        )
    images = {key: entry for key, entry in present.images.items() if key not in changed}
    images |= {key: entry for key, entry in lock.images.items() if key in changed}
    return Lock.model_construct(version=1, images=dict(sorted(images.items())))


def record_green(fleet: Fleet, green: Mapping[str, str], now: float) -> tuple[str, ...]:
    """Note in the lock that these digests, by image, passed a verify; gives the images that had not before.

    An entry that a file's own digest overrules is left alone, and one that was moved meanwhile. Raises OperationFailed where
    the file holds no lock by now, or cannot be written.
    """
    if not _fresh(fleet.lock, green):
        return ()
    path = fleet.root / LOCK_FILE
    with only_writer(path):
        before, present = _read(path)
        fresh = _fresh(present, green)
        if fresh:
            _write(path, validated(present, fresh, now=now), before)
    return fresh


def _fresh(lock: Lock, green: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        key
        for key, entry in lock.images.items()
        if green.get(key) == entry.digest and entry.validated_at is None
    )


def _read(path: Path) -> tuple[bytes | None, Lock]:
    """The bytes, None where there is no file, and the lock in them."""
    data = path.read_bytes() if path.exists() else None
    draft = Draft()
    if data is not None:
        read_lock(draft, data)
    if draft.problems:
        raise OperationFailed(
            f"{LOCK_FILE} was changed by something else in the meantime: {draft.problems[0].message}",
            hint="opsctl lint says what is wrong with it",
        )
    return data, draft.lock


def _write(path: Path, lock: Lock, before: bytes | None) -> None:
    replace(path, lock_text(lock, (before or b"").decode()).encode(), before)
