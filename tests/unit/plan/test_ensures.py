"""Databases in a plan: made after the server is healthy and before who uses them, and only where something differs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.plan.model import Machine, deployed, host, plan, service

from opsctl.plan.ensure import Ensure
from opsctl.plan.planner import plan_host
from opsctl.plan.plans import HostPlan
from opsctl.plan.request import PlanRequest
from opsctl.render.secret_metrics import PATH
from opsctl.state.desired import Dependency, DesiredDatabase, DesiredHost
from opsctl.state.observed import ObservedFile

HEALTHY = {"db": Dependency("service_healthy")}
CHECK = {"healthcheck": {"test": ["CMD", "true"]}}
WORD = "canary-5d1f"


def base(name: str, **more: Any) -> DesiredDatabase:
    role = more.pop("role", name)
    return DesiredDatabase(
        name, role, more.pop("login", role), more.pop("password", f"{WORD}-{name}"), f"{name}_db", **more
    )


def shop(*databases: DesiredDatabase, db_env: str = "1", new: bool = True) -> DesiredHost:
    users = [
        service(name, after=HEALTHY, uses={"db": name}, secrets=frozenset({f"{name}_db"}))
        for name in ("n8n", "nocodb")[: 2 if new else 1]
    ]
    found = databases or (base("n8n"), base("nocodb"))[: 2 if new else 1]
    return host(
        service("db", image="lab/postgres:15", definition=CHECK, env={"A": db_env}, databases=found), *users
    )


def ensures(found: HostPlan) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Names and causes of each."""
    steps = [step for step in found.steps if isinstance(step, Ensure)]
    return [(tuple(one.name for one in step.databases), step.causes) for step in steps]


def verbs(found: HostPlan) -> list[str]:
    return [f"{step.verb} {step.subject()}" for step in found.steps if step.verb not in {"pull", "push"}]


def test_a_first_deploy_makes_them_between_the_server_and_its_users() -> None:
    found = plan(Machine(), shop())
    assert verbs(found) == [
        "create db",
        "wait db",
        "ensure databases of db",
        "create n8n",
        "create nocodb",
        "wait n8n",
        "wait nocodb",
    ]
    assert ensures(found) == [(("n8n", "nocodb"), ("database n8n: new", "database nocodb: new"))]
    assert WORD not in str(found)
    assert WORD not in repr(found)


def test_a_second_plan_is_empty() -> None:
    assert not plan(deployed(shop()), shop()).steps


def test_a_new_database_joins_a_server_that_is_not_made_anew() -> None:
    machine = deployed(shop(new=False))
    found = plan(machine, shop())
    assert verbs(found) == ["ensure databases of db", "create nocodb", "wait nocodb"]
    assert ensures(found) == [(("nocodb",), ("database nocodb: new",))]
    machine.run(found)
    assert not plan(machine, shop()).steps
    assert machine.recreated == {"nocodb": 1}


def test_one_that_was_killed_before_the_users_came_goes_on() -> None:
    machine = deployed(shop(new=False))
    for step in plan(machine, shop()).steps:
        machine.apply(step)
        if isinstance(step, Ensure):
            break
    assert verbs(plan(machine, shop())) == ["create nocodb", "wait nocodb"]


def test_one_that_was_killed_before_it_was_remembered_is_made_again() -> None:
    machine = deployed(shop(new=False))
    for step in plan(machine, shop()).steps:
        if isinstance(step, Ensure):
            break
        machine.apply(step)
    assert ensures(plan(machine, shop())) == [(("nocodb",), ("database nocodb: new",))]


@pytest.mark.parametrize(
    "change,cause",
    [
        ({"connection_limit": 20}, "role n8n: connection limit none -> 20"),
        ({"extensions": ("vector",)}, "database n8n: extensions vector"),
        ({"member_of": ("app",)}, "database n8n: member_of app"),
        ({"connect": ("exporter",)}, "database n8n: connect exporter"),
        ({"password": f"{WORD}-other"}, "role n8n: password"),
        (
            {"role": "owner", "login": "owner"},
            "database n8n: role n8n -> owner, role owner: login n8n -> owner",
        ),
        ({"login": "n8n_b"}, "role n8n: login n8n -> n8n_b"),
    ],
)
def test_what_differs_is_the_cause_and_no_value_is(change: dict[str, Any], cause: str) -> None:
    found = plan(deployed(shop()), shop(base("n8n", **change), base("nocodb")))
    (step,) = (step for step in found.steps if isinstance(step, Ensure))
    assert [one.name for one in step.databases] == ["n8n"]
    assert step.reason() == cause
    assert WORD not in str(found) + step.record


def test_a_server_that_is_made_anew_is_asked_again() -> None:
    found = plan(deployed(shop()), shop(db_env="2"))
    assert verbs(found)[:3] == ["recreate db", "wait db", "ensure databases of db"]
    assert ensures(found) == [(("n8n", "nocodb"), ("its container is another one",))]


def test_a_server_that_somebody_made_anew_is_asked_again() -> None:
    machine = deployed(shop())
    del machine.boxes["db"]
    machine.typed_up()
    assert ensures(plan(machine, shop())) == [(("n8n", "nocodb"), ("its container is another one",))]


@pytest.mark.parametrize("said", ["", "{", "[]", '{"databases": {"n8n": 1}}', '{"databases": []}'])
def test_a_memory_that_cannot_be_read_counts_as_none(said: str) -> None:
    machine = deployed(shop())
    machine.ensured["db"] = said
    assert [names for names, _causes in ensures(plan(machine, shop()))] == [("n8n", "nocodb")]


def test_a_narrowed_plan_makes_what_its_services_use_and_tells_of_the_rest() -> None:
    machine = deployed(shop())
    wanted = shop(base("n8n", connection_limit=1), base("nocodb", connection_limit=2))
    found = plan(machine, wanted, services=frozenset({"nocodb"}))
    assert ensures(found) == [(("nocodb",), ("role nocodb: connection limit none -> 2",))]
    assert found.pending == ("db: ensure (role n8n: connection limit none -> 1)",)
    machine.run(found)
    assert ensures(plan(machine, wanted)) == [(("n8n",), ("role n8n: connection limit none -> 1",))]


def test_a_narrowed_plan_forgets_what_another_container_had() -> None:
    machine = deployed(shop())
    del machine.boxes["db"]
    machine.typed_up()
    machine.run(plan(machine, shop(), services=frozenset({"nocodb"})))
    assert ensures(plan(machine, shop())) == [(("n8n",), ("database n8n: new",))]


@pytest.mark.parametrize("by_the_store", [True, False])
def test_a_half_rotated_secret_is_left_alone_and_the_rest_is_made(*, by_the_store: bool) -> None:
    wanted = shop(base("n8n", password="new", connection_limit=5), base("nocodb", connection_limit=5))
    looked = deployed(shop()).look(wanted)
    if by_the_store:
        found = plan_host(wanted, looked, PlanRequest(unsettled=frozenset({"n8n_db"})))
    else:
        found = plan_host(wanted, replace(looked, rotating={"n8n_db": "{}"}), PlanRequest())
    assert [names for names, _causes in ensures(found)] == [("nocodb",)]
    assert "db: n8n is left as it is, for n8n_db is not settled" in found.notes
    assert not found.refusals


def test_the_rotation_itself_remembers_what_it_set() -> None:
    machine = deployed(shop())
    wanted = shop(base("n8n", password="new"), base("nocodb", password="new too"))
    rotating = frozenset({"n8n_db"})
    found = plan(machine, wanted, services=frozenset({"n8n"}), rotating=rotating, unsettled=rotating)
    assert ensures(found) == [(("n8n",), ("role n8n: password",))]
    machine.run(found)
    assert ensures(plan(machine, wanted)) == [(("nocodb",), ("role nocodb: password",))]


def test_a_rotation_remembers_it_also_for_a_service_that_states_no_connections() -> None:
    def silent(desired: DesiredHost) -> DesiredHost:
        services = {name: replace(one, uses={}) for name, one in desired.services.items()}
        return replace(desired, services=services)

    machine = deployed(silent(shop()))
    wanted = silent(shop(base("n8n", password="new"), base("nocodb")))
    assert not ensures(plan(machine, wanted, services=frozenset({"n8n"})))
    machine.run(plan(machine, wanted, services=frozenset({"n8n"}), rotating=frozenset({"n8n_db"})))
    assert not plan(machine, wanted).steps


def test_a_checkout_with_an_older_value_does_not_set_it() -> None:
    line = 'opsctl_secret_changed_timestamp_seconds{environment="lab",secret="n8n_db",class="database"} '
    machine = deployed(shop())
    wanted = replace(
        shop(base("n8n", password="older"), base("nocodb")), own_files={PATH: f"{line}5\n".encode()}
    )
    looked = machine.look(wanted)
    newer = ObservedFile(PATH, "00", 0o644, f"{line}9\n".encode())
    found = plan_host(wanted, replace(looked, files={**looked.files, PATH: newer}), PlanRequest())
    assert ensures(found) == []


def test_a_server_that_is_kept_down_is_not_asked() -> None:
    machine = deployed(shop())
    machine.boxes["db"].state = "exited"
    machine.held.add("db")
    assert ensures(plan(machine, shop(base("n8n", connection_limit=3), base("nocodb")))) == []


def test_a_server_that_is_still_starting_is_waited_for() -> None:
    machine = deployed(shop(new=False))
    machine.boxes["db"].health = "starting"
    assert verbs(plan(machine, shop()))[:2] == ["wait db", "ensure databases of db"]


def test_a_password_that_postgresql_cannot_keep_is_refused_before_anything_is_done() -> None:
    found = plan(Machine(), shop(base("n8n", password="grüße"), base("nocodb")))
    assert found.refusals == (
        "db: n8n_db, the password of n8n: the password holds characters other than ASCII",
    )


def test_what_is_declared_no_more_is_named_and_stays() -> None:
    machine = deployed(shop())
    found = plan(machine, shop(base("nocodb")))
    assert not ensures(found)
    assert "db: database n8n is declared no more; opsctl drops nothing" in found.notes
    changed = shop(base("nocodb", connection_limit=3))
    machine.run(plan(machine, changed))
    assert list(json.loads(machine.ensured["db"])["databases"]) == ["nocodb"]
