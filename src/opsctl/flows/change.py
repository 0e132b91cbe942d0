"""The road that every change takes: connect, lease, look, plan, ask, record, apply, record, give back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.errors import Exit, HostErrors, Interrupted, OperationFailed, OpsctlError, Refused
from opsctl.flows.audit_records import end_record, start_record
from opsctl.flows.hosts import on_each
from opsctl.flows.leases import leases
from opsctl.flows.planning import look_at_each
from opsctl.flows.pulling import require_logins
from opsctl.flows.reports import DeployReport, HostOutcome
from opsctl.flows.site import Progress, Site, tell
from opsctl.flows.until_done import until_done
from opsctl.flows.world import World
from opsctl.plan.plans import HostPlan, Plan
from opsctl.state.desired import DesiredHost
from opsctl.state.observed import Observed

if TYPE_CHECKING:
    from opsctl.flows.checking.report import VerifyReport

Confirm = Callable[[Plan], bool]
"""Shows the plan and asks; not called where there is nothing to do. False: nothing is done."""


_NOTHING_DONE = "nothing was done on any host; `--host` with the names of the others leaves this one out"
_NOTHING_DONE_HERE = "nothing was done"


Check = Callable[[Mapping[str, Observed], Sequence[HostOutcome]], "VerifyReport"]
"""Asks whether hosts that were changed do what they should; it is given the look at all hosts before the change too."""


def _nothing(_site: Site, _progress: Progress) -> None:
    return


@dataclass(frozen=True, slots=True)
class Change:
    """What a run is about. `before` and `after` are effects around the plan's own, on each host that has work."""

    hosts: Sequence[DesiredHost]
    plan: Callable[[Mapping[str, Observed]], Plan]
    confirm: Confirm
    parallel: int = 8
    what: str = ""
    """For the audit, in place of the plan's summary; a host has work then even where its plan has no steps."""
    recorded: bool = True
    """Whether each host's audit gets a start and an end; a rotation writes its own."""
    before: Callable[[Site, Progress], None] = _nothing
    after: Callable[[Site, Progress], None] = _nothing
    check: Check | None = None
    """Asked at the end of the hosts that were changed without a failure, while their leases are still held."""


def carry_out(world: World, change: Change) -> DeployReport:
    """Take the road.

    Raises, before anything was changed: LeaseHeld, ConnectFailed, EngineUnavailable and other CouldNotFindOut of any
    host, UsageError for the login of a registry, KeyboardInterrupt. A refused plan is in the report. Once changes have begun, all that happens is in the report.
    """
    began = world.clock.monotonic()
    connect_all(world, change.hosts, began)
    with leases(world, change.hosts, began) as taken:
        observed, errors = look_at_each(world, change.hosts)
        raise_any(errors, change.hosts)
        plan = change.plan(observed)
        if plan.refused:
            return _refused(world, plan)
        work = tuple(one for one in plan.hosts if one.changes or change.what)
        if not work:
            return DeployReport(
                plan, tuple(HostOutcome(one.host, one) for one in plan.hosts), run=world.who.run
            )
        require_logins(world, plan)
        if not change.confirm(plan):
            return DeployReport(plan, (), confirmed=False, run=world.who.run)
        stop = threading.Event()
        desired = {host.name: host for host in change.hosts}
        sites = [
            Site(world, desired[one.host], world.connect(one.host), taken[one.host], stop, began)
            for one in work
        ]
        outcomes = on_all(change, plan, sites)
        checks = None if stop.is_set() else _checked(change, plan, observed, outcomes)
    rest = {one.host: HostOutcome(one.host, one) for one in plan.hosts}
    return DeployReport(plan, tuple((rest | outcomes).values()), run=world.who.run, checks=checks)


def _checked(
    change: Change, plan: Plan, observed: Mapping[str, Observed], outcomes: Mapping[str, HostOutcome]
) -> VerifyReport | None:
    """The changes are made: what goes wrong from here on is in the report, an interruption too."""
    good = [one for one in outcomes.values() if one.changed and not one.error]
    if change.check is None or not good:
        return None
    from opsctl.flows.checking.report import VerifyReport  # a run that changes nothing asks nothing

    try:
        return change.check(observed, good)
    except KeyboardInterrupt:
        error: OpsctlError = Interrupted("interrupted; the changes are made, the checks were not finished")
    except OpsctlError as caught:
        error = caught
    return VerifyReport(plan.environment, (), {one.host: error for one in good})


def connect_all(world: World, hosts: Sequence[DesiredHost], began: float) -> None:
    """Raises ConnectFailed, or HostErrors where several hosts cannot be reached."""

    def connect(host: DesiredHost) -> None:
        tell(world, host.name, "connecting", began=began)
        world.connect(host.name)
        tell(world, host.name, "connected", began=began)

    raise_any(on_each(hosts, connect)[1], hosts)


def raise_any(errors: Mapping[str, OpsctlError], hosts: Sequence[DesiredHost]) -> None:
    """Raise the error of one host as it is, those of several together: each names its host."""
    nothing = _NOTHING_DONE if len(hosts) > len(errors) else _NOTHING_DONE_HERE
    if len(errors) > 1:
        raise HostErrors(errors, hint=nothing)
    for error in errors.values():
        error.hint = "; ".join(part for part in (error.hint, nothing) if part)
        raise error


def _refused(world: World, plan: Plan) -> DeployReport:
    outcomes = tuple(HostOutcome(one.host, one, error=_refusal(one)) for one in plan.hosts)
    return DeployReport(plan, outcomes, run=world.who.run)


def _refusal(plan: HostPlan) -> Refused | None:
    if not plan.refusals:
        return None
    return Refused("the plan is refused; nothing was done", where=plan.host, evidence=plan.refusals)


def on_all(change: Change, plan: Plan, sites: Sequence[Site]) -> dict[str, HostOutcome]:
    """Carry out the plans of these hosts; what goes wrong on one is in its outcome."""
    if change.parallel <= 1:
        return _one_after_the_other(change, plan, sites)
    return _side_by_side(change, plan, sites, change.parallel)


def _side_by_side(change: Change, plan: Plan, sites: Sequence[Site], parallel: int) -> dict[str, HostOutcome]:
    """A first interruption lets the commands under way end and begins no other; a second one abandons them: they end
    on the host by themselves, and the next run waits for them.
    """
    promises: dict[str, Future[HostOutcome]] = {site.name: Future() for site in sites}
    claims = {site.name: threading.Lock() for site in sites}

    def work(site: Site) -> None:
        # An interruption may strike between a submission and its being known; a second one then finds it begun.
        if not claims[site.name].acquire(blocking=False):
            return
        try:
            promises[site.name].set_result(_on_one(change, plan, site))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            promises[site.name].set_exception(error)

    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="apply") as threads:
        try:
            _begin_and_wait(threads, work, sites, promises)
        except KeyboardInterrupt:
            for site in sites:
                site.stop.set()
                site.tell("waiting", detail="interrupted: finishing what has begun (again: abandon it)")
            try:
                _begin_and_wait(threads, work, sites, promises)
            except KeyboardInterrupt:
                for site in sites:
                    site.connection.close()
                raise
    return {name: promise.result() for name, promise in promises.items()}


def _begin_and_wait(
    threads: ThreadPoolExecutor,
    work: Callable[[Site], None],
    sites: Sequence[Site],
    promises: Mapping[str, Future[HostOutcome]],
) -> None:
    for site in sites:
        threads.submit(work, site)
    until_done(promises.values())


def _one_after_the_other(change: Change, plan: Plan, sites: Sequence[Site]) -> dict[str, HostOutcome]:
    outcomes: dict[str, HostOutcome] = {}
    failed = ""
    for site in sites:
        if failed:
            error = OperationFailed(f"not begun, because {failed} failed before it", where=site.name)
            outcomes[site.name] = HostOutcome(site.name, _host_plan(plan, site.name), error=error)
            continue
        outcomes |= _side_by_side(change, plan, [site], 1)
        failed = site.name if outcomes[site.name].error else ""
    return outcomes


def _host_plan(plan: Plan, host: str) -> HostPlan:
    return next(one for one in plan.hosts if one.host == host)


def _on_one(change: Change, plan: Plan, site: Site) -> HostOutcome:
    """Everything on one host; what goes wrong there is in the outcome."""
    from opsctl.flows.apply import apply  # a run that changes nothing needs no hands

    clock, host_plan, progress = site.world.clock, _host_plan(plan, site.name), Progress()
    began = clock.monotonic()
    error: OpsctlError | None = None
    try:
        site.check()
        if change.recorded:
            what = change.what or plan.summary()
            site.lease.record(start_record(site.world.who, clock.now(), what, plan.digest))
        change.before(site, progress)
        apply(site, host_plan, progress)
        change.after(site, progress)
    except OpsctlError as caught:
        error = _with_progress(caught, host_plan, progress) if change.recorded else caught
        error.where = error.where or site.name
    seconds = clock.monotonic() - began
    if change.recorded:
        error = _record_end(site, seconds, error, progress)
    site.tell("failed" if error else "finished", detail=error.message if error else "")
    return HostOutcome(site.name, host_plan, progress.done, progress.changed, error, seconds)


def _record_end(
    site: Site, seconds: float, error: OpsctlError | None, progress: Progress
) -> OpsctlError | None:
    record = end_record(site.world.who, site.world.clock.now(), seconds, error, progress.done)
    try:
        site.lease.record({**record, "detail": site.world.redact(str(record["detail"]))})
    except OpsctlError as unrecorded:
        # The next run will mark this one as interrupted; a failure that came first says more than this one.
        return error or unrecorded
    return error


def _with_progress(error: OpsctlError, plan: HostPlan, progress: Progress) -> OpsctlError:
    """The error, with how far the plan had come where the connection or the lease was lost in the middle of it."""
    if error.exit in {Exit.COULD_NOT_FIND_OUT, Exit.INTERRUPTED} or not error.hint:
        steps = len(plan.steps)
        done = f"{progress.done} of {steps} steps were done; run the same command again to go on"
        error.hint = f"{error.hint}; {done}" if error.hint else done
    error.where = error.where or plan.host
    return error
