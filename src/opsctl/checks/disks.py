"""Whether there is room where the host's files and Docker's data lie: bytes and inodes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from opsctl.checks.check import Check
from opsctl.checks.questions import (
    EngineGet,
    Question,
    Talk,
    UnansweredError,
    engine,
    failed,
    passed,
    skipped,
)
from opsctl.checks.scripts import Facts, told
from opsctl.checks.seen import asked_of_each_host
from opsctl.checks.situation import HostNow

MOST_USED = 0.85

# The host's directory may not be there yet: where it would be made counts. Docker's must be.
_ROOM = """\
there=$1
while ! [ -e "$there" ]; do there=$(dirname -- "$there"); done
[ -e "$2" ] || echo "absent $2"
measured() {
    df -P"$1" -- "$2" 2>/dev/null | while read -r device total used available rest; do
        case $total in '' | *[!0-9]*) ;; *) echo "$3 $used $available $2" ;; esac
    done
}
for path in "$there" "$2"; do
    measured k "$path" space
    measured i "$path" inodes
done
"""


@dataclass(frozen=True, slots=True)
class Room:
    path: str
    share: float

    def __str__(self) -> str:
        return f"{self.path} {self.share:.0%}"


def _of(word: str, what: str) -> Callable[[HostNow], Talk]:
    def talk(host: HostNow) -> Talk:
        facts = yield from _measured(host)
        rooms = list(_rooms(facts, word))
        if not rooms and word == "space":
            raise UnansweredError("df told nothing")
        if not rooms:
            return skipped("file systems that make inodes as they need them")
        message = f"{what} in use: {', '.join(map(str, rooms))}"
        return failed(message) if max(one.share for one in rooms) >= MOST_USED else passed(message)

    return talk


def _measured(host: HostNow) -> Generator[Question, Any, Facts]:
    info = yield from engine(EngineGet(host.name, "/info"))
    root = (info or {}).get("DockerRootDir", "")
    facts = yield from told(host.name, _ROOM, host.desired.directory, root)
    if "absent" in facts:
        raise UnansweredError(f"Docker's data ({root}) is not on the host: its engine runs elsewhere")
    return facts


def _rooms(facts: Facts, word: str) -> Iterator[Room]:
    """As df counts: what is kept for root is neither used nor available. Of a file system without a count, nothing."""
    for line in dict.fromkeys(facts.get(word, ())):
        used, available, path = line.split(" ", 2)
        if available.isdecimal() and int(used) + int(available):
            yield Room(path, int(used) / (int(used) + int(available)))


CHECKS = (
    Check(
        id="V-DSK-001",
        title="There is room on the disks",
        severity="high",
        proves=f"Less than {MOST_USED:.0%} of the file systems of the host's directory and of Docker's data is in use.",
        mend="docker system df on the host; old images: docker image prune; logs without a limit: V-HST-005",
        source="df; DockerRootDir of docker info",
        cases=asked_of_each_host(_of("space", "space")),
        tags=frozenset({"host"}),
    ),
    Check(
        id="V-DSK-002",
        title="There are inodes on the disks",
        severity="high",
        proves=f"Less than {MOST_USED:.0%} of the inodes there is in use: without one, no file can be made however much room there is.",
        mend="docker image prune on the host; du --inodes finds the folder of many small files; docker volume prune may remove data",
        source="df -i; btrfs and the like have no count",
        cases=asked_of_each_host(_of("inodes", "inodes")),
        tags=frozenset({"host"}),
    ),
)
