"""A store in a git merge conflict: its sides opened, merged in memory, and one file made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from opsctl.edges import saving
from opsctl.edges.git_stages import Stages
from opsctl.edges.sops import document
from opsctl.edges.sops.agekeys import unwrapped
from opsctl.edges.sops.document import Unlocked
from opsctl.edges.sops.entries import text_of, value_path, write_difference
from opsctl.edges.sops.identities import Identities
from opsctl.edges.sops.shape import described
from opsctl.errors import Refused, StoreUnusable
from opsctl.model.secrets import StoreFile
from opsctl.secrets.changes import marked_due
from opsctl.secrets.merging import Merged, Stored, exposed

_MARKS = re.compile(rb"^(?:<{7,}|>{7,})(?:\s|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Opened:
    """One side, its check sum compared. `key` is its data key."""

    document: Unlocked
    stored: Stored
    key: bytes = field(repr=False)

    @property
    def recipients(self) -> frozenset[str]:
        return frozenset(self.document.recipients)


@dataclass(frozen=True, slots=True)
class Sides:
    """`base` is None where both sides made the store."""

    base: Opened | None
    ours: Opened
    theirs: Opened

    @property
    def three(self) -> tuple[Stored, Stored, Stored]:
        return (self.base.stored if self.base else Stored()), self.ours.stored, self.theirs.stored

    @property
    def rekeyed(self) -> str:
        """Who made a new data key since the base: "", "ours", "theirs" or "both"."""
        if self.base is None or self.ours.key == self.theirs.key:
            return ""
        if self.theirs.key == self.base.key:
            return "ours"
        return "theirs" if self.ours.key == self.base.key else "both"


def open_sides(stages: Stages, where: str, identities: Identities) -> Sides:
    """Raises NoKey, Tampered and StoreUnusable, which name the side."""
    return Sides(
        base=_opened(stages.base, f"{where} (base)", identities) if stages.base is not None else None,
        ours=_opened(stages.ours, f"{where} (ours)", identities),
        theirs=_opened(stages.theirs, f"{where} (theirs)", identities),
    )


def resolved(sides: Sides, merged: Merged, now: float) -> bytes:
    """The file, `now` (seconds since the epoch) being its time. Values that did not change keep their ciphertext.

    The data key is that of the side that made a new one; where both did, it is made anew, because whoever one side shut out
    knows the other side's. Raises StoreUnusable where nobody could open it, or where it cannot be written.
    """
    start = sides.theirs if sides.rekeyed == "theirs" else sides.ours
    recipients = _recipients(sides, merged.stored.file)
    unlocked = start.document
    if sides.rekeyed == "both":
        unlocked.rekey(recipients)
    elif frozenset(recipients) != start.recipients:
        unlocked.rewrap(recipients)
    write_difference(unlocked, start.stored.file, merged.stored.file)
    for (name, version), value in merged.stored.values.items():
        if start.stored.values.get((name, version)) != value:
            unlocked.set(value_path(name, version), value)
    data = unlocked.dump(now)
    described(document.parse(data, "the merged store"))
    return data


def marked(sides: Sides, merged: Merged, now: float) -> tuple[Merged, Mapping[str, str]]:
    """The merged store, in which a secret is due whose value somebody could read on one side who is shut out on the other;
    and the reason for each.

    `opsctl secrets recipients remove` marks what that side had; this is what the other side stored since.
    """
    kept = frozenset(_recipients(sides, merged.stored.file))
    reasons: dict[str, str] = {}
    for side in (sides.ours, sides.theirs):
        gone = sorted(_called(side, one) for one in side.recipients - kept)
        if gone:
            new = exposed(sides.three[0], side.stored, merged.stored)
            reasons |= {name: f"{', '.join(gone)} could read it" for name in new if name not in reasons}
    stored = merged.stored
    for name, reason in reasons.items():
        stored = replace(stored, file=marked_due(stored.file, [name], reason, now))
    return replace(merged, stored=stored), reasons


def _called(side: Opened, recipient: str) -> str:
    return next((name for name, key in side.stored.file.recipients.items() if key == recipient), recipient)


def working_copy(path: Path, stages: Stages) -> bytes | None:
    """What lies in the working tree; None where there is nothing. Raises Refused for what somebody made of it by hand."""
    try:
        held = path.read_bytes()
    except FileNotFoundError:
        return None
    if held in {stages.base, stages.ours, stages.theirs} or _MARKS.search(held):
        return held
    raise Refused(
        "it holds no marks of a conflict any more: somebody resolved it",
        where=path.name,
        hint=f"git add {path}, if it is right; git checkout -m -- {path} brings the conflict back",
    )


def save(path: Path, data: bytes, before: bytes | None) -> None:
    """Raises OperationFailed where the file is not as it was (`before`) by now, or cannot be written."""
    with saving.only_writer(path):
        saving.replace(path, data, before)


def _opened(data: bytes, where: str, identities: Identities) -> Opened:
    locked = document.parse(data, where)
    file = described(locked)
    unlocked = document.unlock(locked, identities)
    named, present = frozenset(file.recipients.values()), frozenset(locked.recipients)
    if named and named != present:
        raise StoreUnusable(
            "those whom `recipients` names are not those whom it is encrypted for",
            where=where,
            hint="see who was added or removed without opsctl; mend it on that branch first: opsctl secrets recipients",
        )
    values = {
        (name, version): _text(unlocked, name, version, where)
        for name, secret in file.secrets.items()
        for version in secret.versions
    }
    return Opened(unlocked, Stored(file, values), unwrapped(locked.metadata.wrapped, identities, where).raw)


def _text(unlocked: Unlocked, name: str, version: str, where: str) -> str:
    text = text_of(unlocked.get(value_path(name, version)))
    if text is None:
        raise StoreUnusable(
            f"the value of {name} {version} is not text", where=where, hint="mend it on that branch first"
        )
    return text


def _recipients(sides: Sides, file: StoreFile) -> list[str]:
    """For whom the file is encrypted: those it names; of stores that name nobody, what both sides made of the base's."""
    wanted = list(file.recipients.values())
    if not wanted:
        base = sides.base.recipients if sides.base else frozenset[str]()
        ours, theirs = sides.ours.recipients, sides.theirs.recipients
        gone = (base - ours) | (base - theirs)
        wanted = sorted((ours | theirs) - gone)
    if not wanted:
        raise StoreUnusable(
            "nobody could open it: each recipient was removed on one of the sides",
            hint="git merge --abort, then see who shall be able to open it",
        )
    return wanted
