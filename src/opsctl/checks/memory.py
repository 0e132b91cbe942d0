"""Whether a host has memory left: what it could give, what it swaps, whom the kernel killed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opsctl.checks.check import Check
from opsctl.checks.questions import Talk, Verdict, failed, passed, pause, skipped, unknown
from opsctl.checks.scripts import Facts, number, told
from opsctl.checks.seen import asked_of_each_host, each_host
from opsctl.checks.situation import HostNow
from opsctl.secrets.policy import span_in_words

LEAST_AVAILABLE = 0.2
"""Of all memory: what could be given to somebody without swapping."""
MOST_SWAP = 0.9
SWAPPING = 256
"""Pages of 4 KiB in a second, in or out: 1 MiB."""
_BETWEEN = 2.0
LATELY = 86400.0
"""Seconds in which a killed process counts."""

_SWAP = """\
while read -r name kb unit; do
    case $name in SwapTotal: | SwapFree:) echo "${name%:} $kb" ;; esac
done </proc/meminfo
while read -r name count; do
    case $name in pswpin | pswpout) echo "$name $count" ;; esac
done </proc/vmstat
"""

# oom_kill (Linux 4.13) counts those that were killed at a container's limit too; the log tells them apart, as far back as it goes:
# dmesg forgets, and Debian's kernel shows it to root alone.
_KILLED = """\
while read -r name count; do
    case $name in oom_kill) echo "oom_kill $count" ;; esac
done </proc/vmstat
read -r uptime idle </proc/uptime
echo "uptime ${uptime%%.*}"
log=$(journalctl -k -b -q --no-pager -o short-monotonic 2>/dev/null)
case $log in *'Linux version '*) ;; *) log=$(dmesg 2>/dev/null) ;; esac
if [ -n "$log" ]; then
    echo "first $(printf '%s\\n' "$log" | head -n 1)"
    printf '%s\\n' "$log" | grep 'Out of memory: Kill' | tail -n 20 | while read -r line; do
        echo "killed $line"
    done
fi
"""
_STAMP = re.compile(r"^\[\s*(\d+)(?:\.\d+)?\]")
_NAME = re.compile(r"Kill(?:ed)? process \d+,? \(?([^),]+)")


def _available(host: HostNow) -> Verdict:
    resources = host.observed.resources
    if not resources.memory_total:
        return unknown("/proc/meminfo did not tell")
    share = resources.memory_available / resources.memory_total
    message = f"{share:.0%} of {resources.memory_total / 2**30:.1f} GiB is available"
    return passed(message) if share >= LEAST_AVAILABLE else failed(message)


def _swap(host: HostNow) -> Talk:
    before = yield from told(host.name, _SWAP, shared=False)
    total = number(before, "SwapTotal")
    if not total:
        return skipped("no swap")
    yield from pause(_BETWEEN)
    after = yield from told(host.name, _SWAP, shared=False)
    into, out = ((number(after, word) - number(before, word)) / _BETWEEN for word in ("pswpin", "pswpout"))
    if max(into, out) > SWAPPING:
        return failed(f"it is swapping: {into:.0f} pages in and {out:.0f} out in a second")
    used = 1 - number(after, "SwapFree") / total
    message = f"{used:.0%} of {total / 2**20:.1f} GiB swap is in use"
    return passed(message) if used < MOST_SWAP else failed(message)


def _killed(host: HostNow) -> Talk:
    facts = yield from told(host.name, _KILLED)
    count = number(facts, "oom_kill")
    if not count:
        return passed("none since it started")
    lately = _lately(facts)
    if lately:
        return failed(f"killed in the last day: {', '.join(lately)}")
    first = _STAMP.match(facts.get("first", [""])[0])
    if first is None:
        return unknown(
            f"{count} killed since it started; the kernel's log, which tells at whose limit, may not be read"
        )
    back = span_in_words(number(facts, "uptime") - int(first[1]))
    return passed(
        f"none in the kernel's log, which goes back {back}; {count} since it started, those of containers too"
    )


def _lately(facts: Facts) -> Sequence[str]:
    """The names of those that were killed in the last day."""
    up = number(facts, "uptime")
    found = []
    for line in facts.get("killed", ()):
        stamp, name = _STAMP.match(line), _NAME.search(line)
        if stamp is None or up - int(stamp[1]) < LATELY:
            found.append(name[1] if name else "a process")
    return found


CHECKS = (
    Check(
        id="V-MEM-001",
        title="The host has memory to spare",
        severity="high",
        proves=f"At least {LEAST_AVAILABLE:.0%} of its memory is available (MemAvailable, which counts the cache that can be dropped).",
        mend="opsctl memory, opsctl status: give less to somebody, or add memory",
        source="MemAvailable of /proc/meminfo (Linux 3.14); free memory is no measure, the cache takes it",
        cases=each_host(_available),
        tags=frozenset({"host"}),
    ),
    Check(
        id="V-MEM-003",
        title="The host is not swapping",
        severity="medium",
        proves=f"In two seconds it moved less than {SWAPPING} pages a second to or from swap, of which a tenth is left.",
        mend="opsctl status: who grew; swap slows a service until its healthcheck fails",
        source="pswpin and pswpout of /proc/vmstat, looked at twice",
        cases=asked_of_each_host(_swap),
        tags=frozenset({"host"}),
    ),
    Check(
        id="V-MEM-004",
        title="The kernel killed nobody for want of the host's memory",
        severity="high",
        proves="In the last day, as far back as the kernel's log goes, no process was killed because the host itself had no memory "
        "left. Those killed at the limit of their container are V-CTR-002's.",
        mend="limits whose sum fits (opsctl memory); dmesg on the host tells who took it",
        source="oom_kill of /proc/vmstat; the kernel's log (mm/oom_kill.c: 'Out of memory: Killed process', 'Memory cgroup out of memory')",
        cases=asked_of_each_host(_killed),
        tags=frozenset({"host"}),
    ),
)
