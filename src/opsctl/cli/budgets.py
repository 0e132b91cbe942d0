"""What speaks against a host's plan beside the plan itself: memory, as far as the files tell and once the host was looked
at, and images: without a digest, or for another platform.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.cli.project import Project
from opsctl.errors import Exit
from opsctl.flows.planning import Policy
from opsctl.model.fleet import Fleet
from opsctl.render.memory import MemoryBudget, budget
from opsctl.render.pins import unfit, unpinned
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
        images = image_refusals(fleet, environment, host)
        return ([*reasons, *images], ()) if found.verdict == "refuse" else (images, reasons)

    return judge


def image_refusals(fleet: Fleet, environment: str, host: DesiredHost) -> list[str]:
    """Images that do not run on the host's platform, and those without a digest where the environment requires pins."""
    required = fleet.environment(environment).require_pins
    return [*unfit(fleet, host), *(unpinned(fleet, environment, host) if required else ())]


def _budget(fleet: Fleet, host: DesiredHost, seen: int | None) -> MemoryBudget:
    entry = fleet.host(host.name)
    total = entry.memory or seen
    return budget(host.name, host.services.values(), total, entry.reserve_memory, entry.overcommit)
