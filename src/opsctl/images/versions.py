"""Newer tags of the same scheme, and how large the step to each is.

A scheme is all of a tag but its counters: the text before the version (`v`, `bookworm-`), how many numbers it has, and what
follows (`-alpine`, `-stable`, `-alpine3.20`), letter by letter. What counts within a scheme, the most important first:

- the numbers (`2.11.4`, `2026.05.1`) or the date (`20260803`, `2026-08-03`, `RELEASE.2025-04-22T22-12-26Z`);
- a counted pre-release (`-rc.3`, `b2`), which comes before its release. It is of no interest to whoever runs a release; who
  runs one is told of later ones of that kind and release, and of releases;
- a fix (`-hotfix.1`, `-stable.2`, `.patch.1`), which comes after what it mends, and whose scheme is the one without it;
- a rebuild (`-r15`, `-ls22`, `-1`, `_7`), for whoever runs a tag that counts them.

A channel without a counter (`-nightly`, `-dev`) is text like any other. Nothing is made of a number's size: 2026.09.0 is a
major step from 0.301.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from opsctl.images.floating import floating, is_commit, two_parts

Kind = Literal["patch", "minor", "major"]
_KINDS: tuple[Kind, ...] = ("patch", "minor", "major")

_DATE = r"(?P<year>20\d\d)(?P<gap>[-_]?)(?P<month>0[1-9]|1[0-2])(?P=gap)(?P<day>0[1-9]|[12]\d|3[01])"
_TIME = r"(?:T(?P<hour>\d\d)-(?P<minute>\d\d)-(?P<second>\d\d)Z)?"
_TAG = re.compile(
    rf"(?P<prefix>(?:(?![vV]\d)[A-Za-z][A-Za-z0-9]*[-_]|[A-Za-z]+\.)*[vV]?)"
    rf"(?:{_DATE}(?!\d){_TIME}(?P<more>(?:\.\d+)*)|(?P<numbers>\d+(?:\.\d+)*))(?P<rest>.*)",
    re.DOTALL,
)
_END = r"(?![A-Za-z0-9])"
_PRE = re.compile(
    rf"[-._+]?(?P<kind>alpha|beta|rc|pre|preview|dev|milestone|cr|canary|nightly|snapshot|[abcmM])"
    rf"[-._]?(?P<count>\d+){_END}",
    re.IGNORECASE,
)
_FIX = re.compile(rf"(?:[-._+](?:hotfix|patch|fix|post|pl|p)|(?<=stable))[-._]?(?P<count>\d+){_END}")
# bitnami 16.0.0-debian-11-r15, lscr.io 4.0.9.2244-ls245, rancher/k3s v1.30.3-k3s1, gitlab-ce 17.2.1-ce.0,
# eclipse-temurin 21.0.4_7-jre, Debian's own 12.0.1-1.
_REBUILD = re.compile(
    r"(?P<mark>[-._+](?:r|rev|ls|build|k3s|rke2r|ce\.)|^[-_])(?P<count>\d+)(?![A-Za-z0-9.])"
)


@dataclass(frozen=True, slots=True)
class Newer:
    """A tag, and the kind of step to it."""

    tag: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Version:
    """`scheme` must be equal for two to be comparable; `pre` is kind and count, none for a release."""

    scheme: tuple[str, ...]
    numbers: tuple[int, ...]
    pre: tuple[str, int] | None
    after: tuple[int, int]

    @property
    def order(self) -> tuple[tuple[int, ...], int, tuple[int, int]]:
        """Counts of pre-releases are compared only between those of one kind; -1 and up, a release is above them all."""
        return self.numbers, -1 if self.pre else 0, (self.pre[1], 0) if self.pre else self.after


def newer(tag: str, tags: Iterable[str], repository: str = "") -> tuple[Newer, ...]:
    """The newest of `tags` for each kind of step from `tag`: patch before minor before major, each at most once.

    Only tags of its scheme count, and none that floats where `tag` does not. Empty where `tag` has no version.
    `repository` is its path below the registry; see `opsctl.images.floating`.
    """
    current = _parsed(tag)
    if current is None:
        return ()
    fixed = not floating(tag, repository)
    best: dict[Kind, tuple[_Version, str]] = {}
    for candidate in set(tags):
        found = _parsed(candidate)
        if found is None or not _is_newer(found, current) or (fixed and floating(candidate, repository)):
            continue
        kind = _kind(current, found, repository)
        if kind not in best or (best[kind][0].order, best[kind][1]) < (found.order, candidate):
            best[kind] = found, candidate
    return tuple(Newer(best[kind][1], kind) for kind in _KINDS if kind in best)


def _is_newer(found: _Version, current: _Version) -> bool:
    if found.scheme != current.scheme or found.order <= current.order:
        return False
    if found.pre is None:
        return True
    return current.pre is not None and (found.pre[0], found.numbers) == (current.pre[0], current.numbers)


def _kind(current: _Version, found: _Version, repository: str) -> Kind:
    pairs = zip(current.numbers, found.numbers, strict=False)
    first = next((at for at, (old, new) in enumerate(pairs) if old != new), len(_KINDS))
    two = two_parts(repository)
    if first == 1 and two and len(current.numbers) == 2 and current.numbers[0] >= two.since:  # noqa: PLR2004
        return two.step
    return _KINDS[max(2 - first, 0)]


def _parsed(tag: str) -> _Version | None:
    match = _TAG.fullmatch(tag)
    if not match or any(is_commit(word) and not word.isdecimal() for word in re.split(r"[-_.]", tag.lower())):
        return None
    date = match["numbers"] is None
    if date:
        parts = [match[name] or "0" for name in ("year", "month", "day", "hour", "minute", "second")]
        numbers = tuple(map(int, [*parts, *match["more"].split(".")[1:]]))
        style = f"date{match['gap']}{'T' if match['hour'] else ''}"
    else:
        numbers = tuple(map(int, match["numbers"].split(".")))
        style = str(len(numbers))
    rest, pre = _counted(_PRE, match["rest"], "kind", at_start=True)
    rest, fix = _counted(_FIX, rest)
    rest, rebuild = _counted(_REBUILD, rest, "mark")
    if rest and rest[0].isalnum():
        return None
    scheme = (match["prefix"], style, rest, rebuild[0] if rebuild else "")
    after = (fix[1] if fix else 0, rebuild[1] if rebuild else 0)
    return _Version(scheme, numbers, pre, after)


def _counted(
    pattern: re.Pattern[str], rest: str, name: str = "", *, at_start: bool = False
) -> tuple[str, tuple[str, int] | None]:
    """The text without the counter, and the counter with the text of a group before it."""
    match = pattern.match(rest) if at_start else pattern.search(rest)
    if not match:
        return rest, None
    what = match[name].lower() if name else ""
    return rest[: match.start()] + rest[match.end() :], (what, int(match["count"]))


def numbers(tag: str) -> tuple[int, ...] | None:
    """The numbers of a tag's version or date; None where it has none."""
    found = _parsed(tag)
    return found.numbers if found else None
