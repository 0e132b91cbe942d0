"""A job that still runs: its run was killed, or somebody typed `up -d`, which starts a finished one again (compose-traps 13)."""

from __future__ import annotations

from tests.unit.plan.model import Machine, deployed, host, plan, service

from opsctl.state.desired import Dependency, DesiredHost


def batch(version: str = "1") -> DesiredHost:
    return host(
        service("migrate", kind="job"),
        service(
            "api", env={"VERSION": version}, after={"migrate": Dependency("service_completed_successfully")}
        ),
    )


def migrating() -> Machine:
    machine = deployed(batch())
    box = machine.boxes["migrate"]
    box.state, box.exit_code = "running", None
    return machine


def test_it_is_waited_for_before_a_service_that_needs_it() -> None:
    found = plan(migrating(), batch("2"))
    assert [f"{one.verb} {one.subject()}: {one.reason()}" for one in found.steps[1:]] == [
        "wait migrate: its exit 0, at most 120 s",
        "recreate api: env: VERSION changed",
        "wait api: running without a restart for 5 s",
    ]
    assert not found.refusals


def test_it_is_no_step_where_nobody_is_touched_who_needs_it() -> None:
    found = plan(migrating(), batch())
    assert not found.changes
    assert found.notes == ("job migrate is still running",)
