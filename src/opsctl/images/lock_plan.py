"""What the lock shall hold next: a plan of edits, as a value that prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.errors import OpsctlError, Refused
from opsctl.images.resolved import Resolved
from opsctl.images.wanted import Wanted
from opsctl.model.lock import Lock, Pinned, Previous, moment

Kind = Literal["added", "moved", "kept", "restored", "dropped", "failed"]
Answers = Mapping[str, Resolved | OpsctlError]
"""By key: what the registry says of the image's tag, or of its written digest."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one image. `note` says what a person should know of it; `error` why nothing could be done."""

    key: str
    kind: Kind
    before: Pinned | None = None
    after: Pinned | None = None
    wanted: Wanted | None = None
    note: str = ""
    error: OpsctlError | None = None

    def __str__(self) -> str:
        was = self.before.digest[7:19] if self.before else ""
        now = self.after.digest[7:19] if self.after else ""
        step = f"{was} -> {now}" if was and now and was != now else now or was
        return " ".join(part for part in (f"{self.kind:<8}", self.key, step, self.note) if part)


@dataclass(frozen=True, slots=True)
class LockPlan:
    changes: tuple[Change, ...]
    lock: Lock

    @property
    def errors(self) -> dict[str, OpsctlError]:
        return {change.key: change.error for change in self.changes if change.error}

    def __str__(self) -> str:
        return "\n".join(map(str, self.changes))


def unlocked(lock: Lock, images: Sequence[Wanted]) -> tuple[Wanted, ...]:
    """Those that the lock lacks, or holds otherwise than a file says."""
    return tuple(one for one in images if one.problem or _is_new(lock, one))


def _is_new(lock: Lock, image: Wanted) -> bool:
    entry = lock.images.get(image.key)
    return entry is None or (bool(image.written) and image.written != entry.digest)


def unused(lock: Lock, images: Sequence[Wanted]) -> tuple[str, ...]:
    known = {one.key for one in images}
    return tuple(key for key in lock.images if key not in known)


def plan_lock(
    lock: Lock,
    images: Sequence[Wanted],
    answers: Answers,
    *,
    now: float,
    by: str = "registry",
    drop: Sequence[str] = (),
) -> LockPlan:
    """The lock with what was answered for `images`, without the entries of `drop`.

    `now` is in seconds since the epoch. A digest that lacks the platform of a host, an answer that is an error, and an
    image whose digest nobody could know, leave the entry as it is.
    """
    changes = [_change(lock, image, answers[image.key], now, by) for image in images]
    changes += [Change(key, "dropped", before=lock.images[key], note="nothing names it") for key in drop]
    return _applied(lock, changes)


def plan_rollback(lock: Lock, images: Sequence[Wanted], *, now: float) -> LockPlan:
    """The digests before, as if they had been resolved now; what is in force becomes what was before."""
    return _applied(lock, [_rolled_back(lock, image, now) for image in images])


def validated(lock: Lock, keys: Sequence[str], *, now: float) -> Lock:
    """With the time of the first green verify on those that had none."""
    return Lock.model_construct(
        version=1,
        images={
            key: entry.model_copy(update={"validated_at": moment(now)})
            if key in keys and entry.validated_at is None
            else entry
            for key, entry in lock.images.items()
        },
    )


def _applied(lock: Lock, changes: Sequence[Change]) -> LockPlan:
    images = dict(lock.images)
    for change in changes:
        if change.kind == "dropped":
            del images[change.key]
        elif change.after:
            images[change.key] = change.after
    ordered = tuple(sorted(changes, key=lambda change: change.key))
    return LockPlan(ordered, Lock.model_construct(version=1, images=dict(sorted(images.items()))))


def _change(lock: Lock, image: Wanted, answer: Resolved | OpsctlError, now: float, by: str) -> Change:
    before = lock.images.get(image.key)
    error = _refusal(image, answer)
    if error or isinstance(answer, OpsctlError):
        return Change(image.key, "failed", before=before, wanted=image, error=error)
    if before and before.digest == answer.digest:
        same = _completed(before, answer)
        return Change(image.key, "kept", before=before, after=same, wanted=image)
    after = Pinned(
        tag=image.tagged.tag,
        digest=answer.digest,
        media_type=answer.media_type,
        platforms=answer.platforms,
        resolved_at=moment(now),
        resolved_by=by,
        previous=_as_previous(before) if before else None,
    )
    return Change(image.key, "moved" if before else "added", before=before, after=after, wanted=image)


def _refusal(image: Wanted, answer: Resolved | OpsctlError) -> OpsctlError | None:
    if image.problem:
        return Refused(image.problem, where=image.key, hint="write one of them everywhere, or none")
    if isinstance(answer, OpsctlError):
        return answer
    if missing := image.missing(answer.platforms):
        return Refused(
            f"{answer.digest[:19]}… has no {' and no '.join(missing)}, which {_of_hosts(image, missing)} needs; "
            f"it has {', '.join(answer.platforms)}",
            where=image.key,
            hint="take a tag that has it, or say another `platform` of the host in hosts.toml",
        )
    return None


def _of_hosts(image: Wanted, platforms: Sequence[str]) -> str:
    hosts = {use.host for use in image.uses if set(use.platforms) & set(platforms) and use.host}
    return ", ".join(sorted(hosts)) or "a host"


def _completed(before: Pinned, answer: Resolved) -> Pinned:
    """The same entry, with what was not known of it before."""
    known = {
        "media_type": before.media_type or answer.media_type,
        "platforms": before.platforms or answer.platforms,
    }
    return before.model_copy(update=known)


def _as_previous(entry: Pinned) -> Previous:
    return Previous(
        digest=entry.digest,
        resolved_at=entry.resolved_at,
        media_type=entry.media_type,
        platforms=entry.platforms,
        validated_at=entry.validated_at,
    )


def _rolled_back(lock: Lock, image: Wanted, now: float) -> Change:
    before = lock.images.get(image.key)
    if before is None or before.previous is None:
        what = "is not locked" if before is None else "was never locked to another digest"
        hint = "git log -p images.lock.yaml shows every digest that there was"
        return Change(
            image.key, "failed", before=before, wanted=image, error=Refused(what, where=image.key, hint=hint)
        )
    if image.written:
        place = next(use.place for use in image.uses if use.reference and use.reference.digest)
        error = Refused(
            "a file gives its digest, and that counts", where=image.key, hint=f"change it there: {place}"
        )
        return Change(image.key, "failed", before=before, wanted=image, error=error)
    back = before.previous
    after = Pinned(
        tag=before.tag,
        digest=back.digest,
        media_type=back.media_type,
        platforms=back.platforms,
        resolved_at=moment(now),
        resolved_by="rollback",
        validated_at=back.validated_at,
        previous=_as_previous(before),
    )
    return Change(image.key, "restored", before=before, after=after, wanted=image)
