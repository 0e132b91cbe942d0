"""The versions of one secret, merged three ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from opsctl.model.secrets import Stage, Version, moment_text, number

Side = Literal["ours", "theirs"]


@dataclass(frozen=True, slots=True)
class Held:
    """A version and its value."""

    version: Version
    value: str = field(repr=False)


Versions = Mapping[str, Held]
"""By id."""


@dataclass(frozen=True, slots=True)
class MergedVersions:
    """`versions` may be used where `clash` is None; else `chosen` gives them for the side that shall win.

    `renumbered` has the ids that versions of theirs had and have now; not all of them need be kept.
    """

    versions: Versions
    renumbered: Mapping[str, str]
    clash: tuple[str, str] | None
    """What ours and theirs say is current and pending, where both cannot be."""
    chosen: Callable[[Side], Versions] = field(repr=False)


def merge_versions(base: Versions, ours: Versions, theirs: Versions, *, now: float) -> MergedVersions:
    """A version is the same on both sides if its id and its value are; one of theirs that has an id of ours and another
    value gets the next free id. What one side removed is gone, unless the other side changed it.

    They clash where two would be current or pending, where one and the same was moved to two stages, and where none
    would be current any more. Two current versions with the same value and login do not: the older one stays current.
    """
    return _Merge(base, ours, theirs, now).merged()


class _Merge:
    def __init__(self, base: Versions, ours: Versions, theirs: Versions, now: float) -> None:
        self._ours = ours
        self._now = now
        self._renumbered = dict(_new_ids(base, ours, theirs))
        self._theirs = {self._renumbered.get(one, one): held for one, held in theirs.items()}
        # Where ours used an id of the base again, theirs may still have the version of the base.
        moved = {new: base[old] for old, new in self._renumbered.items() if _same(base.get(old), theirs[old])}
        self._base = {**base, **moved}

    def merged(self) -> MergedVersions:
        kept: dict[str, Held] = {}
        clash = False
        for one in sorted({*self._ours, *self._theirs}, key=number, reverse=True):
            held, agreed = self._one(one)
            clash |= not agreed
            if held:
                kept[one] = held
        kept = self._without_twins(kept)
        clash |= not self._sound(kept)
        told = (_told(self._ours, {}), _told(self._theirs, self._renumbered)) if clash else None
        return MergedVersions(kept, self._renumbered, told, self.chosen)

    def chosen(self, side: Side) -> dict[str, Held]:
        """All that is kept, in the stages that this side says; what is current on the other side alone becomes previous,
        what is pending there stays so if this side has nothing pending, else it is kept as failed.
        """
        own, other = (self._ours, self._theirs) if side == "ours" else (self._theirs, self._ours)
        pending = any(held.version.stage == "pending" for held in own.values())
        kept: dict[str, Held] = {}
        for one in sorted({*own, *other}, key=number, reverse=True):
            if one in own:
                if self._stays(one, own, other) or own[one].version.stage in {"current", "pending"}:
                    kept[one] = own[one]
            elif self._stays(one, other, own):
                kept[one] = self._yielding(other[one], pending=pending)
        return kept

    def _yielding(self, held: Held, *, pending: bool) -> Held:
        stage: Stage = held.version.stage
        if stage == "current":
            stage = "previous"
        elif stage == "pending" and pending:
            stage = "failed"
        else:
            return held
        return replace(held, version=held.version.model_copy(update={"stage": stage, "retired": self._now}))

    def _one(self, one: str) -> tuple[Held | None, bool]:
        """What becomes of a version, and whether both sides agree on it."""
        ours, theirs = self._ours.get(one), self._theirs.get(one)
        if ours and theirs:
            old = self._base.get(one)
            merged = _both(old if _same(old, ours) else None, ours, theirs)
            return (merged or ours, merged is not None)
        if ours:
            return (ours if self._stays(one, self._ours, self._theirs) else None, True)
        return (theirs if self._stays(one, self._theirs, self._ours) else None, True)

    def _stays(self, one: str, own: Versions, other: Versions) -> bool:
        """Unless the other side removed it and this one did not touch it."""
        return one in other or self._base.get(one) != own[one]

    def _sound(self, versions: Versions) -> bool:
        stages = [held.version.stage for held in versions.values()]
        had = any(
            held.version.stage == "current" for side in (self._ours, self._theirs) for held in side.values()
        )
        return stages.count("pending") <= 1 and stages.count("current") == (1 if had else 0)

    def _without_twins(self, versions: dict[str, Held]) -> dict[str, Held]:
        """Of two current versions with the same value and login the older one is current."""
        current = [one for one, held in versions.items() if held.version.stage == "current"]
        if len({(versions[one].value, versions[one].version.login) for one in current}) != 1:
            return versions
        older = min(current, key=lambda one: (_age(versions[one]), number(one)))
        yielding = {one: self._yielding(versions[one], pending=True) for one in current if one != older}
        return {**versions, **yielding}


def _same(one: Held | None, other: Held) -> bool:
    return one is not None and one.value == other.value


def _new_ids(base: Versions, ours: Versions, theirs: Versions) -> Iterator[tuple[str, str]]:
    highest = max(map(number, (*base, *ours, *theirs)), default=0)
    for one in sorted(theirs, key=number):
        if one in ours and ours[one].value != theirs[one].value:
            highest += 1
            yield one, f"v{highest}"


def _both(base: Held | None, ours: Held, theirs: Held) -> Held | None:
    """One version that both sides have; None where they moved it to two stages or gave it two logins."""
    if theirs == base:
        return ours
    if ours in (base, theirs):
        return theirs
    if (ours.version.stage, ours.version.login) != (theirs.version.stage, theirs.version.login):
        return None
    older = min(ours, theirs, key=_age)
    retired = max(filter(None, (ours.version.retired, theirs.version.retired)), default=None)
    return replace(older, version=older.version.model_copy(update={"retired": retired}))


def _age(held: Held) -> tuple[float, str, str]:
    return held.version.created, held.version.by, held.version.note


def _at(versions: Versions, stage: Stage) -> str:
    found = (one for one, held in versions.items() if held.version.stage == stage)
    return max(found, key=number, default="")


def _told(versions: Versions, renumbered: Mapping[str, str]) -> str:
    """Of one side: "v3 current (by alice, 2026-11-01T10:00:00Z), v4 pending (…)"; ids as they are in the merge."""
    there = {new: old for old, new in renumbered.items()}
    parts = []
    for stage in ("current", "pending"):
        if one := _at(versions, stage):
            version = versions[one].version
            was = f", {there[one]} there" if one in there else ""
            parts.append(f"{one} {stage} (by {version.by}, {moment_text(version.created)}{was})")
    return ", ".join(parts) or "no current value"
