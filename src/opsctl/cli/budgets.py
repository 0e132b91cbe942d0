"""The memory policy of a project's hosts, as far as its files tell."""

from __future__ import annotations

from opsctl.cli.project import Project
from opsctl.errors import Exit
from opsctl.render.memory import MemoryBudget, budget


def budgets_of(project: Project) -> list[MemoryBudget]:
    """Of the selected hosts; RAM is what hosts.toml says, for no host is asked."""
    chosen = project.selection.hosts
    found = []
    for host in project.desired.hosts:
        if chosen and host.name not in chosen:
            continue
        entry = project.fleet.host(host.name)
        found.append(
            budget(host.name, host.services.values(), entry.memory, entry.reserve_memory, entry.overcommit)
        )
    return found


def exit_of(budgets: list[MemoryBudget]) -> Exit:
    return Exit.NO if any(one.verdict == "refuse" for one in budgets) else Exit.YES
