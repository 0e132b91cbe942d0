"""What stands between two versions of an app: how far one step may go, a trial of the new one, and lists that must not shrink."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.checks.questions import Question, Talk
from opsctl.checks.situation import ServiceNow
from opsctl.images.versions import numbers

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A service whose tag changes. `old` and `new` are None where a tag does not tell its version.

    `now` has the old container, and the service as it shall be.
    """

    now: ServiceNow
    old_tag: str
    new_tag: str
    old: Version | None
    new: Version | None

    @property
    def name(self) -> str:
        return self.now.name

    def __str__(self) -> str:
        return f"{self.name}: {self.old_tag} -> {self.new_tag}"


@dataclass(frozen=True, slots=True)
class Roster:
    """A list that matters, such as plugins that are loaded: what it is called, and how the running service tells it."""

    what: str
    take: Callable[[ServiceNow], Generator[Question, Any, frozenset[str]]]


@dataclass(frozen=True, slots=True)
class Gate:
    """`stays`: the data of one major version is not opened by another. `steps`: one minor version at a time. `returns`: an
    older version, or patch of a minor version, opens what a newer one left, from the version `since` on.

    `trial` asks the new version in a container of its own before anything stops; `rosters` are taken before and after.
    `version` reads the version from a tag. `source` is where this was read.
    """

    source: str
    stays: Literal["", "major"] = ""
    steps: Literal["", "minor"] = ""
    returns: Literal["", "patch", "always"] = ""
    since: Version = ()
    trial: Callable[[Crossing], Talk] | None = None
    rosters: tuple[Roster, ...] = ()
    version: Callable[[str], Version | None] = numbers


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What is to be known before a version is crossed: `since` is the first that has it, `text` what to do."""

    since: str
    text: str


def refusal(crossing: Crossing, gate: Gate) -> str:
    """Why this step is not taken, and which one is; "" where it may be."""
    why = step_refusal(crossing.old_tag, crossing.old, crossing.new, gate)
    return f"{crossing}: {why}" if why else ""


def step_refusal(old_tag: str, old: Version | None, new: Version | None, gate: Gate) -> str:
    """The same of two versions alone."""
    if old is None or new is None or old == new:
        return ""
    if gate.stays == "major" and old[0] != new[0]:
        return (
            f"{new[0]} does not open the data of {old[0]}; dump it, start {new[0]} on a volume of its own, and "
            f"restore ({gate.source})"
        )
    if new < old:
        back = f"what {old_tag} wrote is not opened by an older version"
        return (
            "" if goes_back(gate, new, old) else f"{back}; put back a copy of its data first ({gate.source})"
        )
    if gate.steps == "minor" and not _next_minor(old, new):
        following = f"{old[0]}.{old[1] + 1}" if len(old) > 1 else str(old[0] + 1)
        return f"one minor version at a time; deploy {following} first ({gate.source})"
    return ""


def goes_back(gate: Gate, old: Version | None, new: Version | None) -> bool:
    """Whether the older version is known to open what the newer one left."""
    if gate.returns == "patch":
        return old is not None and new is not None and old[:2] == new[:2] and old >= gate.since
    return gate.returns == "always"


def _next_minor(old: Version, new: Version) -> bool:
    return old[0] == new[0] and new[1:2] <= (old[1] + 1 if len(old) > 1 else 0,)


def hazards(
    crossing: Crossing, known: Sequence[Upgrade], version: Callable[[str], Version | None]
) -> list[str]:
    """What is to be known of the versions that are crossed on the way up, in their order."""
    old, new = crossing.old, crossing.new
    if old is None or new is None or new <= old:
        return []
    found = [(since, one) for one in known if (since := version(one.since)) and old < since <= new]
    return [
        f"{crossing.name} crosses {one.since}: {one.text}"
        for _since, one in sorted(found, key=lambda pair: pair[0])
    ]


def lost(before: frozenset[str], after: frozenset[str]) -> list[str]:
    """What a roster had and has no more, sorted."""
    return sorted(before - after)
