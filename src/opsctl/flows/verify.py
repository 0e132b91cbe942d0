"""Whether an environment is as its files say: nothing to deploy, everything healthy, every image the locked one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from opsctl.errors import Exit, OpsctlError, worst
from opsctl.flows.hosts import chosen_hosts, chosen_services
from opsctl.flows.planning import look_at_each, plan_all
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.flows.service_status import ServiceStatus, service_status
from opsctl.flows.world import World
from opsctl.model.fleet import Fleet
from opsctl.model.references import brief, parse_reference
from opsctl.plan.plans import HostPlan
from opsctl.plan.request import PlanRequest
from opsctl.state.desired import Desired, DesiredHost, DesiredService
from opsctl.state.observed import Observed

Check = Literal["health", "drift", "image", "plan"]
Result = Literal["pass", "fail", "inconclusive", "skip"]


@dataclass(frozen=True, slots=True)
class Checked:
    """One check of one service, or of a host where `service` is ""."""

    host: str
    service: str
    check: Check
    result: Result
    message: str = ""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """`errors` are hosts that could not be looked at. `green` are the digests of images, by what the lock calls them, that a
    service passed everything with, and none failed with.
    """

    environment: str
    checks: tuple[Checked, ...]
    errors: Mapping[str, OpsctlError] = field(default_factory=dict)
    green: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit(self) -> Exit:
        """4 where a check failed; 5 where one is inconclusive, which is never a pass, or a host could not be looked at."""
        results = {one.result for one in self.checks}
        codes = [error.exit for error in self.errors.values()]
        codes += [Exit.NO] if "fail" in results else []
        codes += [Exit.COULD_NOT_FIND_OUT] if "inconclusive" in results else []
        return worst(codes)


def verify(world: World, fleet: Fleet, desired: Desired, selection: Selection = EVERYTHING) -> VerifyReport:
    """One look per host; takes no lease and changes nothing.

    Raises UsageError for a selection that names what is not there.
    """
    hosts = chosen_hosts(desired, selection)
    observed, errors = look_at_each(world, hosts, inspect_all=True)
    plans = {
        one.host: one
        for one in plan_all(desired, observed, Selection(hosts=selection.hosts), PlanRequest()).hosts
    }
    strict = fleet.environment(desired.environment).require_pins
    checks: list[Checked] = []
    for host in hosts:
        if host.name in observed:
            checks += _of_host(host, observed[host.name], plans[host.name], selection, strict=strict)
    return VerifyReport(desired.environment, tuple(checks), errors, _green(hosts, checks))


def _of_host(
    host: DesiredHost, observed: Observed, plan: HostPlan, selection: Selection, *, strict: bool
) -> Iterator[Checked]:
    chosen = chosen_services(host, selection)
    for name in sorted(host.services if chosen is None else chosen):
        yield from _of_service(host, observed, plan, name, strict=strict)
    if chosen is None:
        count = len(plan.steps)
        message = f"a deploy would take {count} step{'s' if count != 1 else ''}: opsctl plan" if count else ""
        yield Checked(host.name, "", "plan", "fail" if count else "pass", message)


def _of_service(
    host: DesiredHost, observed: Observed, plan: HostPlan, name: str, *, strict: bool
) -> Iterator[Checked]:
    row = service_status(host, name, observed, plan, {})
    yield Checked(host.name, name, "health", *_health(row))
    yield Checked(host.name, name, "drift", "fail" if row.drift else "pass", row.drift)
    yield Checked(host.name, name, "image", *_image(host.services[name], row, strict=strict))


def _health(row: ServiceStatus) -> tuple[Result, str]:
    if row.mark in {"held", "on demand"}:
        return "skip", row.mark
    if row.bad:
        ended = f" {row.exit_code}" if row.exit_code is not None else ""
        return "fail", f"{_state(row)}{ended}"
    if row.health == "starting" or row.state not in {"running", "exited"}:
        return "inconclusive", _state(row)
    return "pass", row.mark or _state(row)


def _state(row: ServiceStatus) -> str:
    return row.health if row.health and row.state == "running" else row.state


def _image(service: DesiredService, row: ServiceStatus, *, strict: bool) -> tuple[Result, str]:
    if row.pin is None:
        return "skip", "no container"
    if row.pin == "unpinned":
        return ("fail" if strict else "skip"), "no digest pins it: opsctl pin-images"
    if row.pin == "other":
        return "fail", f"runs another image than {brief(service.digest or service.image)}"
    return "pass", brief(service.digest or service.image)


def _green(hosts: Sequence[DesiredHost], checks: Sequence[Checked]) -> dict[str, str]:
    results: dict[tuple[str, str], set[Result]] = {}
    for one in checks:
        results.setdefault((one.host, one.service), set()).add(one.result)
    verdicts: dict[str, list[tuple[set[Result], str]]] = {}
    for host in hosts:
        for name, service in host.services.items():
            if service.digest and (found := results.get((host.name, name))):
                key = parse_reference(service.asked_image).key
                verdicts.setdefault(key, []).append((found, service.digest))
    return {
        key: found[0][1]
        for key, found in sorted(verdicts.items())
        if all(one <= {"pass", "skip"} for one, _digest in found)
        and any(one == {"pass"} for one, _digest in found)
        and len({digest for _one, digest in found}) == 1
    }
