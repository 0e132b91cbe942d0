"""How near containers are to their limits of memory and processes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from opsctl.checks.check import Check
from opsctl.checks.questions import Question, Talk, UnansweredError, failed, passed, skipped
from opsctl.checks.scripts import told
from opsctl.checks.seen import asked_of_each_service
from opsctl.checks.situation import HostNow, ServiceNow

NEAR = 0.9
_UNLIMITED = 2**60
"""Bytes. Version 1 writes no "max" but the largest number of pages."""

# Standard input: a line "<service> <process id>" for each container. Version 2 has one tree; in version 1, and in the mixture
# of both, each controller has its own.
_LIMITS = """\
inactive() {
    while read -r name bytes; do
        if [ "$name" = "$2" ]; then echo "$bytes"; fi
    done <"$1"
}
first() { { read -r value <"$1" && echo "$value"; } 2>/dev/null || echo -; }
while read -r service pid; do
    if ! [ -r "/proc/$pid/cgroup" ]; then echo "gone $service"; continue; fi
    all= memory= pids=
    while IFS=: read -r number controllers path; do
        case ,$controllers, in
        ,,) all=$path ;;
        *,memory,*) memory=$path ;;
        *,pids,*) pids=$path ;;
        esac
    done <"/proc/$pid/cgroup"
    if [ -n "$memory" ]; then
        at=/sys/fs/cgroup/memory$memory
        echo "memory $service $(first "$at/memory.usage_in_bytes") $(inactive "$at/memory.stat" total_inactive_file) $(first "$at/memory.limit_in_bytes")"
        at=/sys/fs/cgroup/pids$pids
    else
        at=/sys/fs/cgroup$all
        echo "memory $service $(first "$at/memory.current") $(inactive "$at/memory.stat" inactive_file) $(first "$at/memory.max")"
    fi
    echo "pids $service $(first "$at/pids.current") $(first "$at/pids.max")"
done 2>/dev/null
"""


def _memory(one: ServiceNow) -> Talk:
    numbers = yield from _looked_up(one, "memory")
    used, cache, limit = numbers if len(numbers) == 3 else ("-", "-", "-")  # noqa: PLR2004 as printed
    if limit == "max" or (limit.isdecimal() and int(limit) >= _UNLIMITED):
        return skipped("no limit")
    if not (used.isdecimal() and cache.isdecimal() and limit.isdecimal()):
        raise UnansweredError("its memory cannot be read under /sys/fs/cgroup")
    share = max(int(used) - int(cache), 0) / int(limit)
    message = f"{share:.0%} of {int(limit) / 2**20:.0f} MiB"
    return failed(message) if share >= NEAR else passed(message)


def _processes(one: ServiceNow) -> Talk:
    numbers = yield from _looked_up(one, "pids")
    used, limit = numbers if len(numbers) == 2 else ("-", "-")  # noqa: PLR2004 as printed
    if limit == "max":
        return skipped("no limit")
    if not (used.isdecimal() and limit.isdecimal()):
        raise UnansweredError("its processes cannot be counted under /sys/fs/cgroup")
    message = f"{used} of {limit} processes and threads"
    return failed(message) if int(used) >= NEAR * int(limit) else passed(message)


def _looked_up(one: ServiceNow, word: str) -> Generator[Question, Any, list[str]]:
    """The numbers of one service, out of one look at all containers of its host."""
    facts = yield from told(one.host.name, _LIMITS, stdin=_asked(one.host))
    for line in facts.get(word, ()):
        service, *numbers = line.split()
        if service == one.name:
            return numbers
    raise UnansweredError("its container ended meanwhile")


def _asked(host: HostNow) -> bytes:
    return "".join(
        f"{one.service} {one.inspected.pid}\n"
        for one in host.observed.containers
        if one.state == "running"
        and one.inspected
        and one.inspected.pid
        and one.project == host.desired.project
        if not one.oneoff
    ).encode()


def _of_what_runs(talk: Callable[[ServiceNow], Talk]) -> Callable[[ServiceNow], Talk]:
    def checked(one: ServiceNow) -> Talk:
        if not one.runs:
            return skipped(one.mark or "it does not run")
        return (yield from talk(one))

    return checked


CHECKS = (
    Check(
        id="V-MEM-002",
        title="The container is not near its memory limit",
        severity="high",
        proves=f"What it uses, without the file cache that can be dropped, is less than {NEAR:.0%} of its limit.",
        mend="memory.limit, or what the software itself is told (cache, workers); at the limit the kernel kills it",
        source="memory.current less inactive_file, as docker stats counts (cgroup 2; usage_in_bytes, total_inactive_file in cgroup 1)",
        cases=asked_of_each_service(_of_what_runs(_memory)),
        tags=frozenset({"host"}),
    ),
    Check(
        id="V-CTR-004",
        title="The container is not near its limit of processes",
        severity="medium",
        proves=f"It has less than {NEAR:.0%} of the processes and threads that pids_limit allows it.",
        mend="look for processes that pile up: docker top; else a higher pids_limit",
        source="pids.current and pids.max of its cgroup; at the limit fork fails with EAGAIN (cgroups(7))",
        cases=asked_of_each_service(_of_what_runs(_processes)),
        tags=frozenset({"host"}),
    ),
)
