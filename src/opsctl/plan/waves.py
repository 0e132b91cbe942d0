"""In which order services are touched, and who must follow whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opsctl.state.desired import DesiredHost, DesiredService


def depths(services: Mapping[str, DesiredService]) -> dict[str, int]:
    """For each service the length of the longest chain of depends_on below it; 0 depends on nothing.

    The fleet is checked for cycles when it is loaded; dependencies on services that are not here count for nothing.
    """
    found: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in found:
            below = [depth(other) for other in services[name].depends_on if other in services]
            found[name] = max(below, default=-1) + 1
        return found[name]

    for name in services:
        depth(name)
    return found


def followers(host: DesiredHost, recreated: Iterable[str]) -> dict[str, str]:
    """Services that share a namespace or volumes with a recreated one, transitively; by name, whom they follow.

    Compose leaves them in the dead container's namespace (compose-traps 3).
    """
    found: dict[str, str] = {}
    settled = set(recreated)
    grew = True
    while grew:
        grew = False
        for name, service in sorted(host.services.items()):
            leader = next(iter(sorted(service.shares & settled)), None)
            if name not in settled and leader is not None:
                found[name] = leader
                settled.add(name)
                grew = True
    return found
