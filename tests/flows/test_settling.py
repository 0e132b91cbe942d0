"""Waiting over time, with a clock that passes only while somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.fakes.edges import FakeClock
from tests.flows.machine import Box, Machine
from tests.unit.plan.model import host, service

from opsctl.errors import HealthFailed
from opsctl.flows.deploy import deploy
from opsctl.flows.reports import DeployReport
from opsctl.state.desired import Desired

HEALTHY = {"healthcheck": {"test": ["CMD", "true"]}}


@pytest.fixture
def machine(memory: Path) -> Machine:
    return Machine(memory / "host")


def run(
    machine: Machine,
    clock: FakeClock,
    age: Callable[[Box], None],
    definition: Mapping[str, object] | None = None,
    timeout: float = 30.0,
) -> DeployReport:
    connection = machine.connect()
    connection.engine.age = age
    desired = Desired(
        "prod",
        (machine.placed(host(service("api", definition=definition, settle=5.0, health_timeout=timeout))),),
    )
    return deploy(machine.world(connection, clock=clock), desired, confirm=lambda _plan: True)


def test_a_quiet_container_is_waited_for_exactly_its_settle_time(machine: Machine) -> None:
    clock = FakeClock()
    began = clock.time
    assert run(machine, clock, lambda box: None).outcomes[0].error is None
    assert clock.time - began == pytest.approx(5.0)


def test_a_settle_time_over_the_timeout_is_given_in_full(machine: Machine) -> None:
    assert run(machine, FakeClock(), lambda box: None, timeout=2.0).outcomes[0].error is None


def test_pauses_grow(machine: Machine) -> None:
    clock = FakeClock()
    run(machine, clock, lambda box: None)
    assert clock.slept[:4] == [0.1, 0.25, 0.5, 1.0]


def test_a_restart_begins_the_count_anew(machine: Machine) -> None:
    clock = FakeClock()
    began = clock.time

    def restarts_once(box: Box) -> None:
        box.restarts = int(clock.time - began > 3)

    assert run(machine, clock, restarts_once).outcomes[0].error is None
    assert 8.0 < clock.time - began < 9.5


def test_restarting_over_and_over_fails_when_the_time_is_over(machine: Machine) -> None:
    clock = FakeClock()

    def loops(box: Box) -> None:
        box.restarts = int(clock.time)

    error = run(machine, clock, loops).outcomes[0].error
    assert isinstance(error, HealthFailed)
    assert "api did not stay up within 30 s: running, restarted" in str(error)


def test_a_container_that_stops_fails_at_once(machine: Machine) -> None:
    clock = FakeClock()
    began = clock.time

    def stops(box: Box) -> None:
        box.state, box.exit_code = "exited", 2

    error = run(machine, clock, stops).outcomes[0].error
    assert "api stopped again: exited 2" in str(error)
    assert clock.time == began


def test_health_is_waited_for_until_the_time_is_over(machine: Machine) -> None:
    clock = FakeClock()
    began = clock.time

    def starting(box: Box) -> None:
        box.health = "starting" if clock.time - began < 12 else "healthy"

    assert run(machine, clock, starting, HEALTHY).outcomes[0].error is None
    assert 12 <= clock.time - began < 13.1
    waiting = [event.detail for event in machine.events if event.kind == "waiting"]
    assert set(waiting) == {"starting"}


def test_health_that_never_comes(machine: Machine) -> None:
    def starting(box: Box) -> None:
        box.health = "starting"

    error = run(machine, FakeClock(), starting, HEALTHY).outcomes[0].error
    assert "api did not become healthy within 30 s" in str(error)


def test_a_healthcheck_of_the_image_is_waited_for_too(machine: Machine) -> None:
    clock = FakeClock()
    began = clock.time

    def starting(box: Box) -> None:
        box.health = "starting" if clock.time - began < 12 else "healthy"

    assert run(machine, clock, starting).outcomes[0].error is None
    assert 12 <= clock.time - began < 13.1


def test_a_healthcheck_of_the_image_that_fails(machine: Machine) -> None:
    def unhealthy(box: Box) -> None:
        box.health = "unhealthy"

    assert "api is unhealthy" in str(run(machine, FakeClock(), unhealthy).outcomes[0].error)


def test_a_service_that_ends_well_is_told_to_be_a_job(machine: Machine) -> None:
    def ends(box: Box) -> None:
        box.state, box.exit_code = "exited", 0

    error = run(machine, FakeClock(), ends).outcomes[0].error
    assert error is not None
    assert error.message == "api stopped again: exited 0"
    assert "kind: job" in error.hint
