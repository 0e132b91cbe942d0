"""start, stop, restart and recreate on a pretended host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.flows.machine import Machine
from tests.unit.plan.model import file, host, service

from opsctl.errors import Exit, Refused, UsageError
from opsctl.flows.deploy import deploy
from opsctl.flows.reports import DeployReport
from opsctl.flows.verbs import Verb, act
from opsctl.render.compose import read_compose
from opsctl.state.desired import Desired

HOST = host(
    service("api", env={"A": "1"}),
    service("web", files=[file("web", "/x", "x")]),
    service("tool", on_demand=True),
)


@pytest.fixture(scope="module")
def deployed(lasting_memory: Path) -> Machine:
    made = Machine(lasting_memory / "host")
    deploy(made.world(), prod(made), confirm=lambda _plan: True)
    return made


@pytest.fixture
def machine(deployed: Machine, memory: Path) -> Machine:
    return Machine.like(deployed, memory / "host")


def prod(machine: Machine) -> Desired:
    return Desired("prod", (machine.placed(HOST),))


def do(machine: Machine, verb: Verb, services: Sequence[str]) -> DeployReport:
    return act(machine.world(), prod(machine), verb, services)


def again(machine: Machine) -> DeployReport:
    return deploy(machine.world(), prod(machine), confirm=lambda _plan: True)


def states(machine: Machine) -> dict[str, str]:
    return {name: box.state for name, box in machine.engine_boxes().items()}


class TestStop:
    def test_keeps_it_down_over_a_deploy(self, machine: Machine) -> None:
        assert do(machine, "stop", ["web"]).exit is Exit.YES
        assert states(machine) == {"api": "running", "web": "exited"}
        report = again(machine)
        assert report.plan is not None
        assert not report.plan.changes
        assert "web is stopped on purpose" in str(report.plan)
        assert states(machine)["web"] == "exited"

    def test_a_typed_up_leaves_it_alone(self, machine: Machine) -> None:
        do(machine, "stop", ["web"])
        services = read_compose(machine.files()["compose.yml"])["services"]
        assert services["web"]["profiles"]
        assert "profiles" not in services["api"]

    def test_is_audited(self, machine: Machine) -> None:
        do(machine, "stop", ["web"])
        start, end = machine.audit()[-2:]
        assert (start["what"], end["outcome"]) == ("stop web", "ok")

    def test_of_one_that_is_down_already(self, machine: Machine) -> None:
        do(machine, "stop", ["tool"])
        assert (machine.directory / ".opsctl/held/tool").exists()


class TestStart:
    def test_of_a_stopped_one(self, machine: Machine) -> None:
        do(machine, "stop", ["web"])
        do(machine, "start", ["web"])
        assert states(machine)["web"] == "running"
        assert "profiles" not in read_compose(machine.files()["compose.yml"])["services"]["web"]
        report = again(machine)
        assert report.plan is not None
        assert not report.plan.changes

    def test_of_one_on_demand(self, machine: Machine) -> None:
        assert "tool" not in states(machine)
        do(machine, "start", ["tool"])
        assert states(machine)["tool"] == "running"


def test_restart_takes_the_container_as_it_is(machine: Machine) -> None:
    before = machine.engine_boxes()["api"]
    (machine.directory / "env/api.env").write_text("A=edited\n")
    do(machine, "restart", ["api"])
    after = machine.engine_boxes()["api"]
    assert (after.id, after.env) == (before.id, before.env)
    assert after.started > before.started


def test_restart_of_nothing_is_refused(machine: Machine) -> None:
    with pytest.raises(Refused, match="tool has no container to restart"):
        do(machine, "restart", ["tool"])


def test_recreate_makes_that_one_anew(machine: Machine) -> None:
    before = machine.engine_boxes()
    do(machine, "recreate", ["api"])
    after = machine.engine_boxes()
    assert [name for name in after if after[name].id != before[name].id] == ["api"]
    assert machine.audit()[-2]["what"] == "recreate api"


def test_unknown_service(machine: Machine) -> None:
    with pytest.raises(UsageError, match="no service wbe in prod"):
        do(machine, "start", ["wbe"])


@pytest.mark.parametrize(
    "verb, refused", [("start", True), ("recreate", True), ("stop", False), ("restart", False)]
)
def test_what_brings_up_the_desired_container_is_under_the_policy(
    machine: Machine, verb: Verb, refused: bool
) -> None:
    report = act(
        machine.world(), prod(machine), verb, ["api"], policy=lambda _host, _observed: (["no pin"], [])
    )
    assert report.exit is (Exit.NO if refused else Exit.YES)
