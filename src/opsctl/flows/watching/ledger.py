"""What checks found over the rounds of a watch: what changed in each, and what has lasted long enough to be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from opsctl.checks.questions import Result
from opsctl.flows.checking.report import VerifyReport

Standing = Literal["good", "bad", "unknown"]
Key = tuple[str, str, str, str]
HOST = "host"
"""In place of a check's id: whether the host could be looked at."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a check found in one round; `service` is "" where it is about the host."""

    host: str
    service: str
    check: str
    subject: str
    result: Result
    message: str = ""

    @property
    def key(self) -> Key:
        return self.host, self.service, self.check, self.subject

    @property
    def standing(self) -> Standing:
        """What was skipped, waived, or answered by a stand-in is nothing to wake anybody for."""
        return "bad" if self.result == "fail" else "unknown" if self.result == "inconclusive" else "good"


@dataclass(frozen=True, slots=True)
class Change:
    """`before` is the result of the round before; None where there was none."""

    now: Sighting
    before: Result | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """The last sighting, for how many rounds it has stood like that, and what whoever is notified believes."""

    seen: Sighting
    rounds: int = 1
    told: Standing = "good"


@dataclass(frozen=True, slots=True)
class Ledger:
    tracks: Mapping[Key, Track] = field(default_factory=dict)
    begun: bool = False

    def after(
        self, report: VerifyReport, rounds: int
    ) -> tuple[Ledger, tuple[Change, ...], tuple[Change, ...]]:
        """The ledger after a round, what changed in it, and what is to be told: a standing that has lasted `rounds` rounds and
        is not what was told last. In the first round all that is not good has changed, and what is waived.
        """
        seen = {one.key: one for one in _sightings(report)}
        tracks = {key: _followed(self.tracks.get(key), one) for key, one in seen.items()}
        for key, track in self.tracks.items():
            if key not in tracks and track.seen.host in report.errors:
                tracks[key] = track  # nobody looked
        gone = [
            replace(track.seen, result="skip", message="not asked any more")
            for key, track in self.tracks.items()
            if key not in tracks
        ]
        changes = [
            *_changes(self.tracks, seen),
            *(Change(one, self.tracks[one.key].seen.result) for one in gone),
        ]
        due = {
            key: track
            for key, track in tracks.items()
            if track.seen.standing != track.told and track.rounds >= rounds
        }
        news = [Change(track.seen) for track in due.values()]
        news += [Change(one) for one in gone if self.tracks[one.key].told != "good"]
        tracks |= {key: replace(track, told=track.seen.standing) for key, track in due.items()}
        return Ledger(tracks, begun=True), tuple(changes), tuple(news)


def _followed(track: Track | None, seen: Sighting) -> Track:
    if track is None:
        return Track(seen)
    same = track.seen.standing == seen.standing
    return Track(seen, track.rounds + 1 if same else 1, track.told)


def _changes(tracks: Mapping[Key, Track], seen: Mapping[Key, Sighting]) -> Iterator[Change]:
    for key, one in seen.items():
        track = tracks.get(key)
        if track is None and (one.standing != "good" or one.result == "waived"):
            yield Change(one)
        elif track is not None and track.seen.result != one.result:
            yield Change(one, track.seen.result)


def _sightings(report: VerifyReport) -> Iterator[Sighting]:
    for host, error in report.errors.items():
        yield Sighting(host, "", HOST, "", "inconclusive", error.message)
    for host in sorted({one.host for one in report.outcomes} - report.errors.keys()):
        yield Sighting(host, "", HOST, "", "pass")
    for one in report.outcomes:
        verdict = one.verdict
        compared = [
            f"{word} {value}"
            for word, value in (("expected", verdict.expected), ("found", verdict.observed))
            if value
        ]
        message = "; ".join(filter(None, (verdict.message, *compared)))
        yield Sighting(one.host, one.service, one.check.id, one.case.subject, verdict.result, message)
