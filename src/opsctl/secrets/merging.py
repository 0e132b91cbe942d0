"""Two branches' stores made into one: what each side changed since the base is kept, and what both changed is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from opsctl.model.secrets import Secret, StoreFile, moment_text, span_text
from opsctl.secrets.merging_versions import Held, Side, Versions, merge_versions

_T = TypeVar("_T")

_POLICY = ("class_", "driver", "target", "rotate_every", "keep", "grace", "expires", "note")
"""The fields of a secret that are merged one by one; `due` goes with its reason, the later `exposed` counts, versions on their own."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A store opened: what it says in clear, and its values by secret and version id."""

    file: StoreFile = field(default_factory=StoreFile)
    values: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)

    def secret(self, name: str) -> _Opened | None:
        secret = self.file.secrets.get(name)
        if secret is None:
            return None
        held = {
            one: Held(version, self.values.get((name, one), "")) for one, version in secret.versions.items()
        }
        return _Opened(secret.model_copy(update={"versions": {}}), held)


@dataclass(frozen=True, slots=True)
class Conflict:
    """What both sides changed, each in another way. `about` is a secret's or a recipient's name; `what` is "version" (which
    one is current or pending), "secret" (one side removed it), "recipient", or a field of its policy. No value is in here.
    """

    about: str
    what: str
    ours: str
    theirs: str

    @property
    def key(self) -> tuple[str, str]:
        return self.about, self.what


Choices = Mapping[tuple[str, str], Side]
"""By Conflict.key."""


@dataclass(frozen=True, slots=True)
class Merged:
    """`stored` may be used where `conflicts` is empty; until then ours stands wherever both differ.

    `renumbered` has, by secret, the ids that versions of theirs had and have now.
    """

    stored: Stored
    conflicts: tuple[Conflict, ...]
    renumbered: Mapping[str, Mapping[str, str]]


def merge(
    base: Stored, ours: Stored, theirs: Stored, *, now: float, choices: Choices | None = None
) -> Merged:
    """Three ways, secret by secret and field by field. `now` (seconds since the epoch) is when versions retire that give
    way. Nothing is pruned: the next change of a secret does that.
    """
    return _Merge(base, ours, theirs, now, choices or {}).merged()


def exposed(base: Stored, side: Stored, merged: Stored) -> tuple[str, ...]:
    """The secrets that are not marked due, and whose current or pending value stood on that side and not in the base."""
    known = {(name, value) for (name, _), value in side.values.items()}
    known -= {(name, value) for (name, _), value in base.values.items()}
    return tuple(
        name
        for name, secret in merged.file.secrets.items()
        if secret.due is None
        and any((name, merged.values.get((name, one))) in known for one in (secret.current, secret.pending))
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """A secret's policy, and its versions apart."""

    policy: Secret
    versions: Versions


_NEW = _Opened(Secret(), {})


class _Merge:
    def __init__(self, base: Stored, ours: Stored, theirs: Stored, now: float, choices: Choices) -> None:
        self._base, self._ours, self._theirs = base, ours, theirs
        self._now = now
        self._choices = choices
        self._conflicts: list[Conflict] = []
        self._renumbered: dict[str, Mapping[str, str]] = {}

    def merged(self) -> Merged:
        names = {**self._ours.file.secrets, **self._theirs.file.secrets}
        secrets = {name: found for name in names if (found := self._secret(name))}
        stored = Stored(
            StoreFile(
                secrets={name: _closed(secret) for name, secret in secrets.items()},
                recipients=self._recipients(),
            ),
            {
                (name, one): held.value
                for name, secret in secrets.items()
                for one, held in secret.versions.items()
            },
        )
        return Merged(stored, tuple(self._conflicts), self._renumbered)

    def _recipients(self) -> dict[str, str]:
        base, ours, theirs = (side.file.recipients for side in (self._base, self._ours, self._theirs))
        merged: dict[str, str] = {}
        for name in {**ours, **theirs}:
            three = (base.get(name), ours.get(name), theirs.get(name))
            if key := self._three(name, "recipient", *three):
                merged[name] = key
        return merged

    def _secret(self, name: str) -> _Opened | None:
        """None: it is removed."""
        base, ours, theirs = (side.secret(name) for side in (self._base, self._ours, self._theirs))
        if theirs in (base, ours):
            return ours
        if ours == base:
            return theirs
        if ours is None or theirs is None:
            told = ("removed", "changed") if ours is None else ("changed", "removed")
            return ours if self._choose(Conflict(name, "secret", *told)) == "ours" else theirs
        return self._both(name, base or _NEW, ours, theirs)

    def _both(self, name: str, base: _Opened, ours: _Opened, theirs: _Opened) -> _Opened:
        """Changed on both sides, or made on both."""
        made = merge_versions(base.versions, ours.versions, theirs.versions, now=self._now)
        versions = made.versions
        if made.clash:
            versions = made.chosen(self._choose(Conflict(name, "version", *made.clash)))
        if renumbered := {old: new for old, new in made.renumbered.items() if new in versions}:
            self._renumbered[name] = renumbered
        policies = (base.policy, ours.policy, theirs.policy)
        fields: dict[str, Any] = {
            one: self._three(name, one.removesuffix("_"), *(getattr(policy, one) for policy in policies))
            for one in _POLICY
        }
        fields["due"], fields["due_reason"] = self._due(name, policies)
        fields["exposed"] = max((one.exposed for one in policies if one.exposed is not None), default=None)
        return _Opened(ours.policy.model_copy(update=fields), versions)

    def _due(self, name: str, policies: Iterable[Secret]) -> tuple[float | None, str]:
        """Marked on both sides, it is due at the earlier moment, for both reasons."""
        base, ours, theirs = ((policy.due, policy.due_reason) for policy in policies)
        if base in (ours, theirs) or ours[0] is None or theirs[0] is None:
            return self._three(name, "due", base, ours, theirs)
        first, second = sorted([(ours[0], ours[1]), (theirs[0], theirs[1])])
        reasons = dict.fromkeys(filter(None, (first[1], second[1])))
        return first[0], "; ".join(reasons)

    def _three(self, about: str, what: str, base: _T, ours: _T, theirs: _T) -> _T:
        if theirs in (base, ours):
            return ours
        if ours == base:
            return theirs
        conflict = Conflict(about, what, _written(what, ours), _written(what, theirs))
        return ours if self._choose(conflict) == "ours" else theirs

    def _choose(self, conflict: Conflict) -> Side:
        side = self._choices.get(conflict.key)
        if side is None:
            self._conflicts.append(conflict)
        return side or "ours"


def _closed(secret: _Opened) -> Secret:
    return secret.policy.model_copy(
        update={"versions": {one: held.version for one, held in secret.versions.items()}}
    )


def _written(what: str, value: Any) -> str:
    """As a store's file spells it."""
    if value is None:
        return "removed" if what == "recipient" else "none"
    if what == "recipient":
        return str(value)
    if what == "due":
        moment, reason = value
        return f"{moment_text(moment)} {reason}".strip() if moment is not None else "no"
    if what == "target":
        return ", ".join(f"{key}={text}" for key, text in value.items()) or "none"
    if what in {"rotate_every", "grace"}:
        return span_text(value)
    if what == "expires":
        return moment_text(value)
    return str(value) or "none"
