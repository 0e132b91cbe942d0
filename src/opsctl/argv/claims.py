"""A run of checks says on a host that it is alive, and what a dead one left is removed.

The claim is a lock on a file of the run's own, held by a process that ends with the connection. So whoever was killed holds
nothing any more, and any user of the host can see it, since who only reads the file may lock it as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.argv.command import Command, lines, script

__all__ = ["CLAIMED", "RELEASE", "Swept", "claim", "read_swept", "sweep"]

CLAIMED = "claimed"
"""What a claim prints once it is held."""

RELEASE = "q"
"""The line that ends a claim and removes its file. Without it, at the end of the connection, the file stays: it says that the
run was killed.
"""

_AT_MOST = 3600
"""Seconds, many times what all checks may take: behind a cable that was pulled nothing else ends the claim for hours."""

Fate = Literal["removed", "used", "unclaimed", "stuck"]

_PLACES = """\
places="/dev/shm /run/lock /tmp"
"""

# A file that nobody locks, a minute old, is a dead run's that left nothing else: a claim is locked as soon as it is made.
_CLAIM = (
    _PLACES
    + """\
run=$1
umask 022
command -v flock >/dev/null 2>&1 || { echo "flock is not on the host" >&2; exit 69; }
file=
for place in $places; do
    find "$place" -maxdepth 1 -name 'opsctl-check.*' -type f -mmin +1 2>/dev/null | while IFS= read -r left; do
        (flock -n 9 && rm -f -- "$left") 9<"$left" 2>/dev/null
    done
    [ -n "$file" ] || ! (set -C; : >"$place/opsctl-check.$run") 2>/dev/null || file=$place/opsctl-check.$run
done
[ -n "$file" ] || { echo "no folder for a lock" >&2; exit 73; }
exec 9<"$file" && flock -n 9 || exit 73
echo claimed
IFS= read -r said && [ "$said" = q ] && rm -f -- "$file"
exit 0
"""
)

# A file that cannot be opened counts as held. What docker says of a removal is no proof: --rm may be at it meanwhile.
_SWEEP = (
    _PLACES
    + """\
run=$1 overdue=$2
shift 2
state=unclaimed
for place in $places; do
    file=$place/opsctl-check.$run
    [ -e "$file" ] || continue
    [ "$state" = used ] || state=dead
    (flock -n 9) 9<"$file" 2>/dev/null || state=used
done
[ "$state $overdue" != "unclaimed yes" ] || state=dead
if [ "$state" != dead ]; then
    for left; do echo "$state $left"; done
    exit 0
fi
for left; do
    said=$(docker rm --force --volumes "$left" 2>&1)
    found=$(docker ps --all --quiet --filter "id=$left") && [ -z "$found" ] && echo "removed $left" && continue
    echo "stuck $left $(printf %s "$said" | tail -n 1)"
done
for place in $places; do rm -f -- "$place/opsctl-check.$run" 2>/dev/null; done
exit 0
"""
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of a container, by its id. `used`: its run is alive. `unclaimed`: nobody can tell. `said` is docker's word on
    why one is still there.
    """

    id: str
    fate: Fate
    said: str = ""


def claim(run: str) -> Command:
    """Holds the claim of a run until its input ends. It says CLAIMED, or ends with its reason on stderr."""
    words = ("timeout", str(_AT_MOST), *script(_CLAIM, run))
    return Command(words=words, privilege="none", label="claim")


def sweep(run: str, containers: Sequence[str], *, overdue: bool) -> Command:
    """Remove these containers of a run, unless it is alive. `overdue`: they should have ended by themselves, so that they go
    also where no claim tells.
    """
    words = script(_SWEEP, run, "yes" if overdue else "no", *containers)
    return Command(words=words, timeout=60.0, privilege="engine", label="leftovers")


def read_swept(printed: bytes) -> Iterable[Swept]:
    """Lines of anything else are passed over."""
    for line in lines(printed):
        word, _, rest = line.partition(" ")
        identity, _, said = rest.partition(" ")
        match word:
            case "removed" | "used" | "unclaimed" | "stuck":
                yield Swept(identity, word, said)
