"""Networks, volumes, ports and names: whose they are, and what forbids a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.plan.model import Machine, deployed, host, plan, service

from opsctl.plan.planner import plan_host
from opsctl.plan.plans import HostPlan
from opsctl.plan.request import PlanRequest
from opsctl.state.desired import DesiredHost, DesiredPort
from opsctl.state.observed import (
    PROJECT_LABEL,
    SERVICE_LABEL,
    Mount,
    ObservedContainer,
    ObservedNetwork,
    ObservedVolume,
    PublishedPort,
)


def with_data(name: str, volume: Mapping[str, Any]) -> DesiredHost:
    return host(
        service(name, volumes=("data",), definition={"volumes": ["data:/data"]}), volumes={"data": volume}
    )


class TestExternal:
    """Compose gives what is external no prefix: its name in the file is its name, unless `name:` says another."""

    @pytest.mark.parametrize(
        "definition, engine_name",
        [
            ({"external": True}, "edge"),
            ({"external": True, "name": "old"}, "old"),
            ({"external": {"name": "old"}}, "old"),
        ],
    )
    def test_a_network(self, definition: dict[str, Any], engine_name: str) -> None:
        desired = host(service("web", networks=("edge",)), networks={"edge": definition})
        there = replace(Machine().look(desired), networks={engine_name: ObservedNetwork(engine_name)})
        found = plan_host(desired, there, PlanRequest())
        assert (found.refusals, found.creates) == ((), ())
        (refusal,) = plan(Machine(), desired).refusals
        assert refusal.startswith(f"external network {engine_name} does not exist")

    def test_what_is_external_is_never_announced_as_made(self) -> None:
        desired = host(
            service("web", networks=("edge",), volumes=("data",)),
            networks={"edge": {"external": True}},
            volumes={"data": {"external": True}},
        )
        found = plan(Machine(), desired)
        assert found.creates == ()
        assert [refusal.partition(" does")[0] for refusal in found.refusals] == [
            "external volume data",
            "external network edge",
        ]


class TestStrays:
    """A container whose service was renamed or taken off the host still runs, and is ours to name, not to remove."""

    def of(self, stray: ObservedContainer, desired: DesiredHost) -> HostPlan:
        observed = Machine().look(desired)
        return plan_host(desired, replace(observed, containers=(stray,)), PlanRequest())

    def stray(self, **more: Any) -> ObservedContainer:
        return ObservedContainer(
            id="old",
            name="demo-db-1",
            image="lab/app:1.0.0",
            image_id="",
            state=more.pop("state", "running"),
            health="",
            created=1.0,
            labels={PROJECT_LABEL: "demo", SERVICE_LABEL: "db", "opsctl.definition-hash": "x"},
            **more,
        )

    def test_one_that_holds_the_data_of_a_renamed_service_forbids_the_plan(self) -> None:
        old = self.stray(mounts=(Mount("volume", "demo_data", "/data"),))
        (refusal,) = self.of(old, with_data("postgres", {})).refusals
        assert refusal == (
            "postgres: its data demo_data is in use by the stray container demo-db-1; `docker rm -f demo-db-1` first"
        )

    def test_one_that_holds_a_port_forbids_the_plan(self) -> None:
        old = self.stray(ports=(PublishedPort("0.0.0.0", 80, "tcp"),))
        (refusal,) = self.of(old, host(service("postgres", ports=(DesiredPort("", 80),)))).refusals
        assert (
            "port *:80/tcp is held by the stray container demo-db-1; `docker rm -f demo-db-1` first"
            in refusal
        )

    def test_one_that_holds_a_name_forbids_the_plan(self) -> None:
        (refusal,) = self.of(self.stray(), host(service("postgres", container_name="demo-db-1"))).refusals
        assert "the stray container demo-db-1 has its name; `docker rm -f demo-db-1` first" in refusal

    def test_one_that_is_stopped_holds_no_data(self) -> None:
        old = self.stray(mounts=(Mount("volume", "demo_data", "/data"),), state="exited")
        assert self.of(old, with_data("postgres", {})).refusals == ()

    def test_containers_of_other_services_are_no_strays(self) -> None:
        both = host(
            service("a", volumes=("data",), definition={"volumes": ["data:/d"]}),
            service("b", volumes=("data",), definition={"volumes": ["data:/d"]}),
            volumes={"data": {}},
        )
        machine = deployed(both)
        del machine.boxes["b"]
        assert plan(machine, both).refusals == ()


def test_data_that_a_foreign_container_uses_forbids_the_plan() -> None:
    other = ObservedContainer(
        id="f",
        name="old-postgres",
        image="postgres:15",
        image_id="",
        state="running",
        health="",
        created=1.0,
        mounts=(Mount("bind", "/srv/db", "/data"),),
    )
    desired = host(service("db", definition={"volumes": ["/srv/db:/data"]}))
    (refusal,) = plan(Machine(foreign=[other]), desired).refusals
    assert refusal == "db: its data /srv/db is in use by the foreign container old-postgres; stop that first"
    # As the hint says, stopping is enough.
    assert plan(Machine(foreign=[replace(other, state="exited")]), desired).refusals == ()


def test_a_changed_volume_forbids_only_plans_that_would_use_it() -> None:
    """A narrowed plan leaves the definitions of volumes as they are on the host."""
    desired = host(
        service("db", volumes=("data",), definition={"volumes": ["data:/data"]}),
        service("web"),
        volumes={"data": {"driver_opts": {"type": "nfs"}}},
    )
    machine = deployed(replace(desired, volumes={"data": {}}))
    machine.volumes["demo_data"] = ObservedVolume("demo_data", "local")
    assert "would be replaced by an empty one" in plan(machine, desired).refusals[0]
    assert plan(machine, desired, services=frozenset({"db"}), recreate=frozenset({"db"})).refusals
    assert plan(machine, desired, services=frozenset({"web"})).refusals == ()


def test_the_env_file_of_a_service_without_env_is_a_stray_file() -> None:
    machine = deployed(host(service("web", env={"A": "1"})))
    found = plan(machine, host(service("web")))
    assert "stray file env/web.env: nothing uses it" in found.notes
