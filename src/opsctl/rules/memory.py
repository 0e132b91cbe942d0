"""Rules about memory: the policy of a host, and services that may take all there is."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.render.memory import budget
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject


def _over_budget(subject: Subject) -> Iterator[Hit]:
    """Where hosts.toml does not say how much RAM a host has, only a look at it could tell: the plan judges it then."""
    for host in subject.desired.hosts:
        entry = subject.host(host.name)
        if entry.memory is None:
            continue
        found = budget(
            host.name,
            host.services.values(),
            entry.memory,
            entry.reserve_memory,
            entry.overcommit,
            more=subject.more_memory.get(host.name, ()),
        )
        if found.verdict == "refuse":
            place = subject.fleet.place("hosts", host.name, "memory")
            for reason in found.reasons:
                yield Hit(place, f"{host.name}: {reason}", "opsctl memory shows the table", host=host.name)


def _unlimited(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        if view.service.memory_limit is None:
            yield about(view, view.place(), "no memory limit", "memory: {limit: 256MiB}")


RULES = (
    Rule(
        "MEM001",
        "memory",
        "error",
        "limits above what the host has",
        "When services take what they are allowed to, the kernel kills one of them, and not the one that took too much.",
        "Lower limits, move a service, or state `overcommit` of the host in hosts.toml.",
        "decisions/0010; audit: three heavy containers contend for 8 GB",
        _over_budget,
    ),
    Rule(
        "MEM002",
        "memory",
        "warning",
        "a service without a memory limit",
        "It can take the memory of all others, and no budget counts it.",
        "Give it memory: {limit: …}; opsctl status shows what it uses.",
        "audit: memory contention; compose-lint has a rule of its own",
        _unlimited,
    ),
)
