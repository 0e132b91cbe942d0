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
    """Whether anything changed. Comments of the file stay.

    Raises OperationFailed where the file holds another lock than `was` by now, or cannot be written.
    """
    if lock == was:
        return False
    path = root / LOCK_FILE
    with only_writer(path):
        before = path.read_bytes() if path.exists() else None
        _require_unchanged(before, was)
        text = lock_text(lock, (before or b"").decode())
        replace(path, text.encode(), before)
    return True


def _require_unchanged(data: bytes | None, was: Lock) -> None:
    draft = Draft()
    if data is not None:
        read_lock(draft, data)
    if draft.problems or draft.lock != was:
        raise OperationFailed(
            f"{LOCK_FILE} was changed by something else in the meantime", hint="run it again"
        )


def record_green(fleet: Fleet, green: Mapping[str, str], now: float) -> tuple[str, ...]:
    """Note in the lock that these digests, by image, passed a verify; gives the images that had not before.

    An entry that a file's own digest overrules is left alone. Raises as `write_lock`.
    """
    lock = fleet.lock
    held = {key: entry for key, entry in lock.images.items() if green.get(key) == entry.digest}
    fresh = [key for key, entry in held.items() if entry.validated_at is None]
    if fresh:
        write_lock(fleet.root, lock, validated(lock, fresh, now=now))
    return tuple(fresh)
