"""The memory budgets of hosts, as far as the files tell, and once a host was looked at."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.apps.catalogue import memory_rows
from opsctl.cli.project import Project
from opsctl.errors import Exit
from opsctl.model.fleet import Fleet
from opsctl.render.memory import MemoryBudget, budget
from opsctl.state.desired import DesiredHost


def budgets_of(project: Project) -> list[MemoryBudget]:
    """Of the selected hosts; RAM is what hosts.toml says, for no host is asked."""
    chosen = project.selection.hosts
    hosts = [host for host in project.desired.hosts if not chosen or host.name in chosen]
    return [budget_of(project.fleet, project.environment, host, None) for host in hosts]


def exit_of(budgets: Sequence[MemoryBudget]) -> Exit:
    return Exit.NO if any(one.verdict == "refuse" for one in budgets) else Exit.YES


def budget_of(fleet: Fleet, environment: str, host: DesiredHost, seen: int | None) -> MemoryBudget:
    """`seen` are the bytes of RAM that a look found, for a host of which hosts.toml does not say it."""
    entry = fleet.host(host.name)
    total = entry.memory or seen
    more = memory_rows(fleet, environment, host)
    return budget(host.name, host.services.values(), total, entry.reserve_memory, entry.overcommit, more=more)
