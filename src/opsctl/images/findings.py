"""What is wrong with the pins of a fleet: decided from the files, the lock, and what registries say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.errors import Exit, NotInRegistry, OpsctlError, worst
from opsctl.images.floating import floating
from opsctl.images.lock_plan import Answers, unused
from opsctl.images.resolved import Resolved
from opsctl.images.uses import ImageUse, places_text
from opsctl.images.wanted import Wanted
from opsctl.model.lock import LOCK_FILE, Lock

Kind = Literal[
    "floating", "unpinned", "disagree", "moved", "gone", "platform", "unused", "unreadable", "unknown"
]
Severity = Literal["no", "note", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`severity`: no (the answer of a check), note (allowed, and worth a word), unknown (could not be found out).

    `uses` are the places that name the image; none for what stands in the lock alone.
    """

    kind: Kind
    severity: Severity
    image: str
    uses: tuple[ImageUse, ...]
    message: str
    hint: str = ""

    @property
    def places(self) -> tuple[str, ...]:
        """file:line of each."""
        return tuple(dict.fromkeys(use.places for use in self.uses)) or (LOCK_FILE,)

    @property
    def at(self) -> str:
        """The places in one line."""
        return places_text(self.uses) or LOCK_FILE


def exit_of(findings: Sequence[Finding], *, strict: bool) -> Exit:
    """4 where something is wrong, 5 where something could not be found out; with `strict` notes are wrong too."""
    severities = {finding.severity for finding in findings}
    codes = []
    if "no" in severities or (strict and "note" in severities):
        codes.append(Exit.NO)
    if "unknown" in severities:
        codes.append(Exit.COULD_NOT_FIND_OUT)
    return worst(codes)


def offline_findings(lock: Lock, uses: Sequence[ImageUse], images: Sequence[Wanted]) -> tuple[Finding, ...]:
    """What the files alone tell."""
    found = [*_loose(uses)]
    for image in images:
        found += _of_image(lock, image)
    found += [
        Finding(
            "unused",
            "no",
            key,
            (),
            "locked, and nothing names it",
            "opsctl pin-images takes it out",
        )
        for key in unused(lock, images)
    ]
    return tuple(found)


def pinned_digest(lock: Lock, image: Wanted) -> str:
    """What a deploy runs of it; "" where nothing pins it."""
    entry = lock.images.get(image.key)
    return image.written or (entry.digest if entry else "")


def online_findings(
    lock: Lock, images: Sequence[Wanted], tags: Answers, digests: Answers
) -> tuple[Finding, ...]:
    """What registries say of pinned images: `tags` of what each tag names now, `digests` of those that are pinned, asked
    where the tag names another one.
    """
    found = []
    for image in images:
        if pinned := pinned_digest(lock, image):
            found += list(_compared(image, pinned, tags[image.key], digests))
    return tuple(found)


def _loose(uses: Sequence[ImageUse]) -> Iterator[Finding]:
    grouped: dict[str, list[ImageUse]] = {}
    for use in uses:
        read = use.reference
        if read is None or (use.kind == "found" and not read.digest and not read.is_built_here):
            grouped.setdefault(use.image, []).append(use)
    for image, group in grouped.items():
        if group[0].reference is None:
            message = "not the name of an image, so that nobody can tell what it is built on"
            hint = "give its ARG a default before the first FROM (later ones are unknown to FROM), or write the image itself"
            yield Finding("unreadable", "unknown", image, tuple(group), message, hint)
        else:
            message = "a file or variable of a service names it, and no digest pins it"
            hint = f"write {{{{ image('{image}') }}}} in its place, or its digest"
            yield Finding("unpinned", "no", image, tuple(group), message, hint)


def _of_image(lock: Lock, image: Wanted) -> Iterator[Finding]:
    entry = lock.images.get(image.key)
    reason = floating(image.tagged.tag, image.reference.path)
    if image.problem:
        yield Finding("disagree", "no", image.key, image.uses, image.problem, "write one of them everywhere")
        return
    if not pinned_digest(lock, image):
        kind: Kind = "floating" if reason else "unpinned"
        message = f"{reason}, and no digest pins it" if reason else "no digest pins it"
        yield Finding(kind, "no", image.key, image.uses, message, f"opsctl pin-images {image.key}")
        return
    if reason:
        hint = "a tag with a version tells people what runs"
        yield Finding("floating", "note", image.key, image.uses, f"{reason}; its digest holds it", hint)
    if entry and image.written and image.written != entry.digest:
        message = f"the file says {_short(image.written)}, the lock {_short(entry.digest)}"
        yield Finding("disagree", "no", image.key, image.uses, message, f"opsctl pin-images {image.key}")
    if entry and (missing := image.missing(entry.platforms)):
        message = (
            f"locked without {', '.join(missing)}, which a host needs; it has {', '.join(entry.platforms)}"
        )
        yield Finding("platform", "no", image.key, image.uses, message, "take a tag that has it")


def _compared(
    image: Wanted, pinned: str, answer: Resolved | OpsctlError, digests: Mapping[str, Resolved | OpsctlError]
) -> Iterator[Finding]:
    if isinstance(answer, Resolved) and answer.digest == pinned:
        if missing := image.missing(answer.platforms):
            message = f"it has no {', '.join(missing)}, which a host needs"
            yield Finding("platform", "no", image.key, image.uses, message, "take a tag that has it")
        return
    if isinstance(answer, OpsctlError) and not isinstance(answer, NotInRegistry):
        yield Finding("unknown", "unknown", image.key, image.uses, answer.message, answer.hint)
        return
    kept = digests.get(image.key)
    if isinstance(kept, NotInRegistry) and isinstance(answer, NotInRegistry):
        message = f"the registry has neither {_short(pinned)} nor its tag: a host that lacks it cannot get it"
        hint = "take a tag that is there, or push it again from where it still runs"
        yield Finding("gone", "no", image.key, image.uses, message, hint)
        return
    if isinstance(kept, NotInRegistry):
        message = f"the registry has {_short(pinned)} no more: a host that lacks it cannot get it"
        hint = f"opsctl pin-images --update {image.key}, or --running HOST where it still runs"
        yield Finding("gone", "no", image.key, image.uses, message, hint)
    elif isinstance(kept, OpsctlError):
        yield Finding("unknown", "unknown", image.key, image.uses, kept.message, kept.hint)
    yield _moved(image, pinned, answer)


def _moved(image: Wanted, pinned: str, answer: Resolved | OpsctlError) -> Finding:
    if isinstance(answer, OpsctlError):
        message = f"the tag is gone from the registry; {_short(pinned)} is what it was"
        return Finding("moved", "no", image.key, image.uses, message, "take a tag that is there")
    floats = floating(image.tagged.tag, image.reference.path)
    message = f"pinned to {_short(pinned)}, and the tag names {_short(answer.digest)} now"
    hint = f"opsctl pin-images --update {image.key}"
    if image.written:
        hint += " --write-source"
    return Finding("moved", "note" if floats else "no", image.key, image.uses, message, hint)


def _short(digest: str) -> str:
    return f"{digest[:19]}…"
