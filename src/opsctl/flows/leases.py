"""The leases of all hosts of a run, taken together and given back together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opsctl.flows.audit_records import interrupted_record
from opsctl.flows.lease import Lease, take_lease
from opsctl.flows.site import tell
from opsctl.flows.world import World
from opsctl.state.desired import DesiredHost


@contextmanager
def leases(world: World, hosts: Sequence[DesiredHost], began: float) -> Iterator[Mapping[str, Lease]]:
    """Hold the leases of all hosts, by host; in the order of their names, so that of two runs one wins everywhere.

    Raises what `take_lease` raises, after giving back what was taken. Runs that started and never ended are marked as
    interrupted in the audit.
    """
    taken: dict[str, Lease] = {}
    try:
        for host in sorted(hosts, key=lambda one: one.name):
            taken[host.name] = _taken(world, host, began)
        yield taken
    finally:
        for lease in taken.values():
            lease.release()
            tell(world, lease.host, "lease", began=began, detail="released")


def _taken(world: World, host: DesiredHost, began: float) -> Lease:
    lease = take_lease(
        world, host, lambda detail: tell(world, host.name, "lease", began=began, detail=detail)
    )
    tell(world, host.name, "lease", began=began, detail="taken")
    try:
        for run in lease.interrupted:
            lease.record(interrupted_record(run, world.clock.now(), world.who.run))
    except BaseException:
        lease.release()
        raise
    return lease
