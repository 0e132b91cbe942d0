"""Digests into the operator's files, each file whole or as it was."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from opsctl.edges.saving import only_writer, replace
from opsctl.errors import UsageError
from opsctl.images.source_plan import SourcePlan, plan_sources
from opsctl.images.uses import ImageUse
from opsctl.model.lock import Lock


def plan_writing(root: Path, uses: Iterable[ImageUse], lock: Lock, keys: Collection[str]) -> SourcePlan:
    """What to write where, for the images of these keys; `uses` are those of every environment. Raises UsageError for a file
    that cannot be read.
    """
    every = tuple(uses)
    digests = {key: lock.images[key].digest for key in keys if key in lock.images}
    files = {use.place.file for use in every if use.place.line and use.key in digests}
    return plan_sources(every, digests, {name: _text(root, name) for name in files})


def write_sources(root: Path, plan: SourcePlan) -> bool:
    """Whether anything was written. Raises OperationFailed for a file that was changed meanwhile, or cannot be written."""
    for name, rewrite in plan.files.items():
        path = root / name
        with only_writer(path):
            replace(path, rewrite.after.encode(), rewrite.before.encode())
    return bool(plan.files)


def _text(root: Path, name: str) -> str:
    try:
        return (root / name).read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {name}: {error}") from error
