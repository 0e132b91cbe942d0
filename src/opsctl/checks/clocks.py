"""Whether a host's clock is that of the operator's machine."""

from __future__ import annotations

import re

from opsctl.checks.check import Check
from opsctl.checks.questions import Talk, UnansweredError, failed, own_time, passed
from opsctl.checks.scripts import only, told
from opsctl.checks.seen import asked_of_each_host
from opsctl.checks.situation import HostNow

MOST = 2.0
"""Seconds."""
# busybox's date knows no %N and prints nothing, or the letter, in its place.
_NOW = 'echo "now $(date +%s.%N)"\n'
_TIME = re.compile(r"(\d+)(?:\.(\d{9}))?")


def _clock(host: HostNow) -> Talk:
    before = yield from own_time()
    facts = yield from told(host.name, _NOW, shared=False)
    after = yield from own_time()
    found = _TIME.match(only(facts, "now"))
    if not found:
        raise UnansweredError("date told no time")
    there = int(found[1]) + (int(found[2]) / 1e9 if found[2] else 0.0)
    ahead = beyond(there, 0.0 if found[2] else 1.0, before, after)
    if abs(ahead) <= MOST:
        return passed(f"within {MOST:g} s")
    return failed(
        f"it is {'ahead of' if ahead > 0 else 'behind'} this machine by at least {abs(ahead):.1f} s"
    )


def beyond(there: float, grain: float, before: float, after: float) -> float:
    """By how much a clock is ahead at least, in seconds (behind: less than 0), when it was read between two looks at the own
    clock. It showed `there`, cut to `grain`: the time on the way proves nothing either way.
    """
    if there > after:
        return there - after
    return min(there + grain - before, 0.0)


CHECKS = (
    Check(
        id="V-CLK-001",
        title="The host's clock agrees with this machine's",
        severity="medium",
        proves=f"They differ by at most {MOST:g} seconds, as far as the way there and back lets anybody tell.",
        mend="timedatectl on both: one of the two is wrong; systemd-timesyncd or chrony keeps it",
        source="date on the host, between two looks at the own clock",
        cases=asked_of_each_host(_clock),
        tags=frozenset({"host"}),
    ),
)
