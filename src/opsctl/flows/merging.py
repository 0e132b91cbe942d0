"""Carrying out a merge, and what its failures mean."""

from __future__ import annotations

from opsctl.argv import merge
from opsctl.flows.site import Progress, Site
from opsctl.plan.merge import Merge


def carry_out_merge(site: Site, step: Merge, progress: Progress) -> None:
    """Put owned keys into a file. Raises CommandFailed; the file is then the old or the new one, never a part."""
    before = progress.changed
    site.check()
    progress.changed = True
    completed = site.attempt(merge.merge(site.directory, site.run_id, step))
    if completed.code in {merge.CHANGED, merge.NOT_PREPARED}:
        progress.changed = before
    if completed.code == merge.CHANGED:
        raise site.failure(
            completed,
            f"{step.path} was changed since the look; nothing of it was lost, and nothing was done to it",
            hint="run the same command again: it starts from the file as it is now",
        )
    if completed.code == merge.NOT_PREPARED:
        raise site.failure(completed, f"{step.path} could not be written; it is as it was")
    if not completed.ok:
        raise site.failure(completed)
