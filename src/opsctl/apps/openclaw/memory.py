"""What the sandboxes of a gateway may take together: they are containers beside it, which its own limit does not hold."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.openclaw.gateway import Agent, docker_bytes, gateway_of
from opsctl.render.memory import MemoryRow
from opsctl.rules.subject import ServiceView


def rows(view: ServiceView) -> Iterator[MemoryRow]:
    """One row: the sum over the agents that may have a sandbox; no limit where one of them has none, or their number has none.

    A sandbox lives until it was idle for prune.idleHours (24), so all that may be there count.
    """
    gateway = gateway_of(view)
    agents = gateway.sandboxed()
    if not agents:
        return
    limits = [_most(agent, docker_bytes(gateway.text(agent.docker.get("memory")))) for agent in agents]
    limit = None if None in limits else sum(one or 0 for one in limits)
    yield MemoryRow(f"{view.name} sandboxes", limit, None, None)


def _most(agent: Agent, size: int | None) -> int | None:
    """Bytes of all containers of one agent; None where there is no bound."""
    return None if size is None or agent.scope == "session" else size * agent.containers
