"""Whether anything floats, and what is newer: questions that change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.errors import Exit, OpsctlError, worst
from opsctl.flows.pins.asking import Asker
from opsctl.flows.pins.inventory import Inventory
from opsctl.images.findings import Finding, offline_findings, online_findings, pinned_digest
from opsctl.images.resolved import Resolved
from opsctl.images.versions import Newer, newer
from opsctl.images.wanted import Wanted
from opsctl.model.lock import Pinned


def check(found: Inventory, names: Sequence[str], asker: Asker | None) -> tuple[Finding, ...]:
    """What is wrong with the pins, worst first; without an asker from the files alone.

    Raises UsageError for names that mean nothing.
    """
    images = found.chosen(names)
    keys = {one.key for one in images}
    here = {found.environment, ""}
    uses = [use for use in found.uses if found.whole or use.environment in here]
    findings = list(offline_findings(found.lock, uses, found.images))
    if not found.whole:
        ours = {use.key for use in uses}
        findings = [one for one in findings if one.kind != "unused" and one.image in ours]
    if names:
        findings = [one for one in findings if one.image in keys]
    if asker is not None:
        pinned = [one for one in images if pinned_digest(found.lock, one) and not one.problem]
        tags = asker.resolve({one.key: one.tagged for one in pinned})
        other = {
            one.key: one.tagged.pinned(digest)
            for one in pinned
            if (digest := pinned_digest(found.lock, one)) and not _names(tags[one.key], digest)
        }
        findings += online_findings(found.lock, pinned, tags, asker.resolve(other))
    order = {"no": 0, "unknown": 1, "note": 2}
    return tuple(sorted(findings, key=lambda one: (order[one.severity], one.image, one.kind)))


def _names(answer: Resolved | OpsctlError, digest: str) -> bool:
    return isinstance(answer, Resolved) and answer.digest == digest


@dataclass(frozen=True, slots=True)
class Outdated:
    """One image: what is locked, what its tag names now, and newer tags of its scheme.

    `moved` is the other digest that the tag names, "" where it is the locked one. `error`: a registry could not tell.
    """

    image: Wanted
    entry: Pinned | None
    moved: str = ""
    newer: tuple[Newer, ...] = ()
    error: OpsctlError | None = None


def outdated(found: Inventory, names: Sequence[str], asker: Asker) -> tuple[Outdated, ...]:
    """Of every image, or of those named. Raises UsageError for names that mean nothing."""
    images = found.chosen(names)
    answers = asker.resolve({one.key: one.tagged for one in images})
    lists = asker.tags({one.key: one.tagged for one in images})
    return tuple(_outdated(found, one, answers[one.key], lists[one.key]) for one in images)


def exit_of(rows: Sequence[Outdated]) -> Exit:
    return worst([row.error.exit for row in rows if row.error])


def _outdated(
    found: Inventory, image: Wanted, answer: Resolved | OpsctlError, tags: Sequence[str] | OpsctlError
) -> Outdated:
    pinned = pinned_digest(found.lock, image)
    moved = answer.digest if isinstance(answer, Resolved) and pinned and answer.digest != pinned else ""
    known = () if isinstance(tags, OpsctlError) else newer(image.tagged.tag, tags, image.reference.path)
    error = next((one for one in (tags, answer) if isinstance(one, OpsctlError)), None)
    return Outdated(image, found.lock.images.get(image.key), moved, known, error)
