"""What a deploy would change in the bytes on the hosts: lines of files and of compose.yml, keys of env and merged files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsctl.errors import Exit, OpsctlError, worst
from opsctl.flows.differences import FileDiff, KeyChange, file_diff, key_changes, owned_changes
from opsctl.flows.hosts import chosen_hosts
from opsctl.flows.planning import look_at_each, plan_all
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.flows.world import World
from opsctl.plan.merge import Merge
from opsctl.plan.plans import HostPlan
from opsctl.plan.request import PlanRequest
from opsctl.plan.steps import Push, PutFile
from opsctl.state.desired import Desired
from opsctl.state.observed import Observed

__all__ = ["DiffReport", "FileDiff", "HostDiff", "KeyChange", "diff"]


@dataclass(frozen=True, slots=True)
class HostDiff:
    host: str
    files: tuple[FileDiff, ...] = ()


@dataclass(frozen=True, slots=True)
class DiffReport:
    hosts: tuple[HostDiff, ...]
    errors: dict[str, OpsctlError] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        return any(host.files for host in self.hosts)

    @property
    def exit(self) -> Exit:
        return worst(error.exit for error in self.errors.values())


def diff(world: World, desired: Desired, selection: Selection = EVERYTHING) -> DiffReport:
    """Changed lines and keys of everything a deploy would push; takes no lease and changes nothing."""
    observed, errors = look_at_each(world, chosen_hosts(desired, selection))
    plan = plan_all(desired, observed, selection, PlanRequest())
    return DiffReport(tuple(_host_diff(world, one, observed[one.host]) for one in plan.hosts), errors)


def _host_diff(world: World, plan: HostPlan, observed: Observed) -> HostDiff:
    puts = [put for step in plan.steps if isinstance(step, Push) for put in step.files]
    merges = [step for step in plan.steps if isinstance(step, Merge) and step.changes]
    contents = _contents(observed)
    owned = (FileDiff(one.path, keys=owned_changes(one.changes, world.redact)) for one in merges)
    return HostDiff(plan.host, (*owned, *(_file_diff(world, put, contents.get(put.path)) for put in puts)))


def _contents(observed: Observed) -> Mapping[str, bytes]:
    found = {path: file.content for path, file in observed.files.items() if file.content is not None}
    return found if observed.compose is None else {**found, "compose.yml": observed.compose}


def _file_diff(world: World, put: PutFile, old: bytes | None) -> FileDiff:
    if put.path.startswith("env/"):
        try:
            return FileDiff(put.path, keys=key_changes(old or b"", put.content, world.redact))
        except ValueError:
            return FileDiff(put.path, lines=("what lies on the host is no env file any more",))
    return FileDiff(put.path, lines=file_diff(put.path, old, put.content, world.redact))
