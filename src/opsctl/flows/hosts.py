"""Which hosts and services a run is about, and work on several hosts at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from opsctl.errors import OpsctlError, UsageError
from opsctl.flows.reports import Selection
from opsctl.flows.until_done import result_of
from opsctl.state.desired import Desired, DesiredHost

_Result = TypeVar("_Result")


def chosen_hosts(desired: Desired, selection: Selection) -> tuple[DesiredHost, ...]:
    """The hosts of a selection, sorted by name.

    Without `hosts`, those that have one of the selected services or stacks. Raises UsageError for a name that is
    nowhere.
    """
    environment = f"in {desired.environment}"
    _refuse_unknown("host", selection.hosts, (host.name for host in desired.hosts), environment)
    hosts = [host for host in desired.hosts if not selection.hosts or host.name in selection.hosts]
    services = {name: service for host in hosts for name, service in host.services.items()}
    stacks = {service.stack for service in services.values()}
    where = f"on {', '.join(selection.hosts)}" if selection.hosts else environment
    _refuse_unknown("service", selection.services, services, where)
    _refuse_unknown("stack", selection.stacks, stacks, where)
    narrowed = bool(selection.services or selection.stacks)
    found = [host for host in hosts if not narrowed or chosen_services(host, selection)]
    return tuple(sorted(found, key=lambda host: host.name))


def chosen_services(host: DesiredHost, selection: Selection) -> frozenset[str] | None:
    """The services of a host that a selection names; None means all of them."""
    if not selection.services and not selection.stacks:
        return None
    return frozenset(
        name
        for name, service in host.services.items()
        if name in selection.services or service.stack in selection.stacks
    )


def host_of(desired: Desired, service: str, host: str = "") -> DesiredHost:
    """The one host that has a service. Raises UsageError where none has it, or several have and `host` is empty."""
    hosts = chosen_hosts(desired, Selection(services=(service,), hosts=(host,) if host else ()))
    if len(hosts) > 1:
        names = ", ".join(one.name for one in hosts)
        raise UsageError(f"{service} runs on several hosts: {names}", hint="say which one with --host")
    return hosts[0]


def on_each(
    hosts: Iterable[DesiredHost], work: Callable[[DesiredHost], _Result]
) -> tuple[dict[str, _Result], dict[str, OpsctlError]]:
    """Do the same on every host at the same time: results and errors by host, both in the order of the hosts."""
    names: Sequence[DesiredHost] = tuple(hosts)
    results: dict[str, _Result] = {}
    errors: dict[str, OpsctlError] = {}
    threads = ThreadPoolExecutor(max_workers=max(len(names), 1), thread_name_prefix="host")
    try:
        for name, future in [(host.name, threads.submit(work, host)) for host in names]:
            try:
                results[name] = result_of(future)
            except OpsctlError as error:
                errors[name] = error
    finally:
        # Not waited for: after an interruption they end when their connection is closed.
        threads.shutdown(wait=False, cancel_futures=True)
    return results, errors


def _refuse_unknown(kind: str, asked: Iterable[str], known: Iterable[str], where: str) -> None:
    names = sorted(set(known))
    unknown = [name for name in asked if name not in names]
    if unknown:
        raise UsageError(f"no {kind} {unknown[0]} {where}", hint=f"there are: {', '.join(names) or 'none'}")
