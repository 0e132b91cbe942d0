"""What speaks against a host's plan beside the plan itself: memory, as far as the files tell and once the host was looked
at, and images that no digest pins.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.cli.project import Project
from opsctl.errors import Exit
from opsctl.flows.planning import Policy
from opsctl.model.fleet import Fleet
from opsctl.render.memory import MemoryBudget, budget
from opsctl.render.pins import unpinned
from opsctl.state.desired import DesiredHost
from opsctl.state.observed import Observed


def budgets_of(project: Project) -> list[MemoryBudget]:
    """Of the selected hosts; RAM is what hosts.toml says, for no host is asked."""
    chosen = project.selection.hosts
    hosts = [host for host in project.desired.hosts if not chosen or host.name in chosen]
    return [_budget(project.fleet, host, None) for host in hosts]


def exit_of(budgets: Sequence[MemoryBudget]) -> Exit:
    return Exit.NO if any(one.verdict == "refuse" for one in budgets) else Exit.YES


def policy(fleet: Fleet, environment: str) -> Policy:
    """Refusals and notes for the plan of a host, of memory and of pins; where hosts.toml does not say its RAM, the look
    did.
    """

    def judge(host: DesiredHost, observed: Observed) -> tuple[Sequence[str], Sequence[str]]:
        found = _budget(fleet, host, observed.resources.memory_total or None)
        reasons = [f"memory: {reason}" for reason in found.reasons]
        loose = unpinned_of(fleet, environment, host)
        return ([*reasons, *loose], ()) if found.verdict == "refuse" else (loose, reasons)

    return judge


def unpinned_of(fleet: Fleet, environment: str, host: DesiredHost) -> list[str]:
    """What a host runs without a digest although its environment requires pins."""
    return list(unpinned(host.services.values())) if fleet.environment(environment).require_pins else []


def _budget(fleet: Fleet, host: DesiredHost, seen: int | None) -> MemoryBudget:
    entry = fleet.host(host.name)
    total = entry.memory or seen
    return budget(host.name, host.services.values(), total, entry.reserve_memory, entry.overcommit)
