"""The planner's promises, each as the text of a whole plan where that reads well."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.plan.model import Machine, changed, deployed, file, host, plan, service

from opsctl.plan.planner import plan_host
from opsctl.plan.request import PlanRequest
from opsctl.state.desired import Dependency, DesiredHost, DesiredPort
from opsctl.state.observed import ObservedContainer, ObservedVolume, PublishedPort

HEALTHY = Dependency("service_healthy")
RESTARTING = Dependency("service_healthy", restart=True)
CHECK = {"healthcheck": {"test": ["CMD", "true"]}}


def shop(**api_env: str) -> DesiredHost:
    return host(
        service("db", image="lab/postgres:15", definition=CHECK, env={"PGDATA": "/data"}),
        service("api", env={"GREETING": "hello", **api_env}, after={"db": RESTARTING}, definition=CHECK),
        service("web", files=[file("web", "/etc/web.conf", "v1")], after={"api": HEALTHY}),
    )


def text(found: object) -> str:
    return "\n".join(line.rstrip() for line in str(found).splitlines())


def test_a_first_deploy_pulls_pushes_and_creates_in_waves_with_the_waits_that_gate() -> None:
    assert text(plan(Machine(), shop())) == (
        "web  /opt/demo\n"
        "  pull      lab/app:1.0.0    not on the host, for api, web\n"
        "  pull      lab/postgres:15  not on the host, for db\n"
        "  push      4 files\n"
        "            new: env/api.env, env/db.env, files/web/etc/web.conf, compose.yml\n"
        "  create    db               new\n"
        "  wait      db               healthy, at most 120 s\n"
        "  create    api              new\n"
        "  wait      api              healthy, at most 120 s\n"
        "  create    web              new\n"
        "  wait      web              running without a restart for 5 s"
    )


def test_images_of_hooks_and_volumes_are_brought_too() -> None:
    inner = {
        "pre_start": [{"image": "hook:1", "command": ["true"]}],
        "volumes": [{"type": "image", "source": "data:2", "target": "/data"}],
    }
    desired = host(service("api", definition=inner), service("web", definition=inner))
    machine = Machine()
    machine.images["data:2"] = "sha256:5"

    assert [str(step.subject()) for step in plan(machine, desired).steps if step.verb == "pull"] == [
        "hook:1",
        "lab/app:1.0.0",
    ]
    assert plan(machine, replace(desired, pulls=False)).refusals == (
        "api: lab/app:1.0.0 is not on web, and images = push: opsctl push-images web api",
        "api: hook:1 is not on web, and images = push: opsctl push-images web api",
        "web: lab/app:1.0.0 is not on web, and images = push: opsctl push-images web web",
        "web: hook:1 is not on web, and images = push: opsctl push-images web web",
    )


def test_a_host_that_pulls_nothing_is_refused_what_it_lacks_and_told_what_brings_it() -> None:
    pushed = replace(shop(), pulls=False)
    machine = Machine()
    machine.images["lab/postgres:15"] = "sha256:5"

    found = plan(machine, pushed)

    assert "pull" not in [step.verb for step in found.steps]
    assert found.refusals == (
        "api: lab/app:1.0.0 is not on web, and images = push: opsctl push-images web api",
        "web: lab/app:1.0.0 is not on web, and images = push: opsctl push-images web web",
    )
    machine.images["lab/app:1.0.0"] = "sha256:6"
    assert not plan(machine, pushed).refusals


def test_a_second_plan_is_empty() -> None:
    assert text(plan(deployed(shop()), shop())) == "web  /opt/demo\n  nothing to do"


def test_one_variable_recreates_one_service_and_names_the_key() -> None:
    assert text(plan(deployed(shop()), shop(GREETING="bonjour", NEW="1"))) == (
        "web  /opt/demo\n"
        "  push      2 files\n"
        "            changed GREETING, NEW: env/api.env\n"
        "            changed api: compose.yml\n"
        "  recreate  api      env: GREETING changed, NEW added\n"
        "  wait      api      healthy, at most 120 s"
    )


def test_one_mounted_file_recreates_one_service_and_names_its_target() -> None:
    new = changed(shop(), "web", files=[file("web", "/etc/web.conf", "v2")], after={"api": HEALTHY})
    found = text(plan(deployed(shop()), new))
    assert "  recreate  web      file /etc/web.conf\n" in found
    assert "api" not in found


def test_an_image_is_pulled_and_named_from_and_to() -> None:
    new = changed(
        shop(),
        "web",
        image="lab/app:2.0.0",
        files=[file("web", "/etc/web.conf", "v1")],
        after={"api": HEALTHY},
    )
    found = text(plan(deployed(shop()), new))
    assert "  pull      lab/app:2.0.0  not on the host, for web" in found
    assert "image lab/app:1.0.0 -> lab/app:2.0.0" in found
    assert "definition" not in found


def test_a_definition_key_is_named() -> None:
    new = changed(
        shop(),
        "db",
        image="lab/postgres:15",
        definition={**CHECK, "shm_size": "64m"},
        env={"PGDATA": "/data"},
    )
    assert "definition: shm_size" in text(plan(deployed(shop()), new))


def test_a_changed_depends_on_is_one_put_and_touches_no_container() -> None:
    new = changed(shop(), "web", files=[file("web", "/etc/web.conf", "v1")])
    assert text(plan(deployed(shop()), new)) == (
        "web  /opt/demo\n  push      1 file\n            changed web: compose.yml"
    )


def test_a_tag_that_names_another_image_now_is_a_cause() -> None:
    machine = deployed(shop())
    observed = machine.look(shop())
    machine.images["lab/app:1.0.0"] = "another id"
    moved = [
        replace(one, image="sha256:0123") if one.service == "web" else one for one in observed.containers
    ]
    machine.foreign = []
    looked = replace(observed, containers=tuple(moved), images=dict(machine.images))
    assert "image lab/app:1.0.0 is another one now" in str(plan_host(shop(), looked, PlanRequest()))


def test_dependents_with_restart_follow_after_health() -> None:
    new = changed(shop(), "db", image="lab/postgres:15", definition=CHECK, env={"PGDATA": "/other"})
    steps = [(step.verb, step.subject()) for step in plan(deployed(shop()), new).steps]
    assert steps == [
        ("push", "2 files"),
        ("recreate", "db"),
        ("wait", "db"),
        ("restart", "api"),
        ("wait", "api"),
    ]


def test_a_restart_owed_from_a_killed_run_is_made_good() -> None:
    new = changed(shop(), "db", image="lab/postgres:15", definition=CHECK, env={"PGDATA": "/other"})
    machine = deployed(shop())
    for step in plan(machine, new).steps[:2]:
        machine.apply(step)
    machine.boxes["db"].health = "starting"
    assert text(plan(machine, new)) == (
        "web  /opt/demo\n"
        "  wait      db   healthy, at most 120 s\n"
        "  restart   api  db was made anew after it started\n"
        "  wait      api  healthy, at most 120 s"
    )


def test_a_follower_is_recreated_with_the_service_whose_namespace_it_shares() -> None:
    def pair(value: str) -> DesiredHost:
        return host(
            service("vpn", env={"A": value}),
            service("app", shares=frozenset({"vpn"}), definition={"network_mode": "service:vpn"}),
        )

    assert "  recreate  app      shares a namespace or volumes with vpn" in text(
        plan(deployed(pair("1")), pair("2"))
    )


def network(subnet: str) -> DesiredHost:
    return host(
        service("a", networks=("back",)),
        service("b", networks=("back",)),
        service("c"),
        networks={"back": {"ipam": {"config": [{"subnet": subnet}]}}},
    )


def test_a_changed_network_is_a_step_that_names_everyone_who_goes_down() -> None:
    machine = deployed(network("10.1.0.0/24"))
    found = plan(machine, network("10.2.0.0/24"))
    assert "  replace   network demo_back  its definition changed; goes down: a, b" in text(found)
    machine.run(found)
    assert machine.recreated == {"a": 1, "b": 1}
    assert not plan(machine, network("10.2.0.0/24")).changes


def test_a_narrowed_plan_takes_all_of_a_replaced_network_along() -> None:
    machine = deployed(network("10.1.0.0/24"))
    found = plan(machine, network("10.2.0.0/24"), services=frozenset({"a"}))
    machine.run(found)
    assert machine.recreated == {"a": 1, "b": 1}
    assert not plan(machine, network("10.2.0.0/24")).changes


def test_a_network_that_a_foreign_container_uses_is_not_replaced() -> None:
    machine = deployed(network("10.1.0.0/24"))
    machine.foreign = [foreign(networks=frozenset({"demo_back"}))]
    assert "foreign container other is attached" in plan(machine, network("10.2.0.0/24")).refusals[0]


def foreign(**more: object) -> ObservedContainer:
    facts = {
        "id": "f",
        "name": "other",
        "image": "x",
        "image_id": "i",
        "state": "running",
        "health": "",
        "created": 1.0,
    }
    return ObservedContainer(**{**facts, **more})  # type: ignore[arg-type]


def test_a_changed_volume_is_refused_because_its_data_would_be_lost() -> None:
    desired = host(service("db", volumes=("data",)), volumes={"data": {"driver_opts": {"type": "nfs"}}})
    machine = Machine(volumes={"demo_data": ObservedVolume("demo_data", "local")})
    (refusal,) = plan(machine, desired).refusals
    assert "demo_data" in refusal
    assert "data would be lost" in refusal


@pytest.mark.parametrize(
    "held_by,wanted,clash",
    [
        ("0.0.0.0", "", True),
        ("10.0.0.1", "", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", "10.0.0.1", True),
    ],
)
def test_a_foreign_container_that_holds_a_port_forbids_the_plan(
    held_by: str, wanted: str, clash: bool
) -> None:
    desired = host(service("web", ports=(DesiredPort(wanted, 80),)))
    machine = Machine(foreign=[foreign(ports=(PublishedPort(held_by, 80, "tcp"),))])
    assert bool(plan(machine, desired).refusals) is clash


def test_a_foreign_container_that_holds_the_name_forbids_the_plan() -> None:
    machine = Machine(foreign=[foreign(name="postgres")])
    desired = host(service("db", container_name="postgres", definition={"container_name": "postgres"}))
    assert "has its name" in plan(machine, desired).refusals[0]


def test_an_env_file_edited_and_applied_by_hand_is_mended_in_the_container() -> None:
    machine = deployed(shop())
    machine.files["env/api.env"] = (b"GREETING=oops\n", 0o600)
    machine.typed_up()
    machine.recreated.clear()
    found = plan(machine, shop())
    assert "            edited on the host GREETING: env/api.env" in text(found)
    assert "  recreate  api           env: GREETING edited on the host" in text(found)
    machine.run(found)
    assert machine.boxes["api"].env == {"GREETING": "hello"}
    assert not plan(machine, shop()).changes


def test_an_edit_that_was_put_back_but_not_yet_applied_is_made_good() -> None:
    machine = deployed(shop())
    machine.files["env/api.env"] = (b"GREETING=oops\n", 0o600)
    machine.typed_up()
    machine.apply(plan(machine, shop()).steps[0])  # pushed, then killed: file and label are right now
    found = plan(machine, shop())
    assert "  recreate  api           edited on the host (put back before, not applied yet)" in text(found)
    machine.run(found)
    assert machine.boxes["api"].env == {"GREETING": "hello"}
    assert not plan(machine, shop()).changes


def test_an_env_file_edited_but_not_applied_is_only_put_back() -> None:
    machine = deployed(shop())
    machine.files["env/api.env"] = (b"GREETING=oops\n", 0o600)
    assert [step.verb for step in plan(machine, shop()).steps] == ["push"]


def test_keep_host_edits_refuses_to_overwrite() -> None:
    machine = deployed(shop())
    machine.files["env/api.env"] = (b"GREETING=oops\n", 0o600)
    (refusal,) = plan(machine, shop(), keep_host_edits=True).refusals
    assert "env/api.env was edited on the host" in refusal


def test_a_mounted_file_edited_in_place_recreates() -> None:
    machine = deployed(shop())
    machine.files["files/web/etc/web.conf"] = (b"oops", 0o644)
    machine.boxes["web"].inner["files/web/etc/web.conf"] = b"oops"
    assert "file /etc/web.conf edited on the host" in text(plan(machine, shop()))


def caddy(content: str, reaction: str = "reload") -> DesiredHost:
    return host(service("caddy", files=[file("caddy", "/etc/caddy/Caddyfile", content, reaction)]))


@pytest.mark.parametrize("reaction", ["reload", "signal", "restart"])
def test_a_reaction_leaves_the_container_alone_and_survives_a_kill(reaction: str) -> None:
    machine = deployed(caddy("v1", reaction))
    first = plan(machine, caddy("v2", reaction))
    machine.apply(first.steps[0])  # pushed, then killed
    assert set(machine.owed) == {("caddy", reaction)}
    second = plan(machine, caddy("v2", reaction))
    assert next(step.verb for step in second.steps) == ("restart" if reaction == "restart" else "react")
    assert "owed since an earlier push" in text(second)
    machine.run(second)
    assert machine.recreated == {}
    assert not machine.owed
    assert not plan(machine, caddy("v2", reaction)).changes


def test_a_marker_of_a_container_made_anew_is_settled_without_a_reload() -> None:
    machine = deployed(caddy("v1"))
    machine.owed = {("caddy", "reload"): 0.0}
    del machine.boxes["caddy"]
    assert [step.verb for step in plan(machine, caddy("v1")).steps] == ["create", "wait", "settle"]


def test_an_exited_container_is_started_with_its_cause() -> None:
    machine = deployed(shop())
    machine.boxes["api"].state, machine.boxes["api"].exit_code = "exited", 137
    assert "  start     api  exited 137\n" in text(plan(machine, shop()))


def test_an_unhealthy_container_is_reported_and_restarted_only_with_heal() -> None:
    machine = deployed(shop())
    machine.boxes["web"].health = "unhealthy"
    found = plan(machine, shop())
    assert not found.changes
    assert found.notes == ("web is unhealthy; `opsctl why web` tells more",)
    assert [step.verb for step in plan(machine, shop(), heal=True).steps] == ["restart", "wait"]


def batch(version: str) -> DesiredHost:
    return host(
        service("migrate", kind="job", env={"V": version}),
        service("api", after={"migrate": Dependency("service_completed_successfully")}),
    )


def test_a_job_runs_once_and_again_only_when_it_changes() -> None:
    machine = deployed(batch("1"))
    assert machine.boxes["migrate"].state == "exited"
    assert not plan(machine, batch("1")).changes
    assert [(one.verb, one.subject()) for one in plan(machine, batch("2")).steps] == [
        ("push", "2 files"),
        ("run", "job migrate"),
    ]


def test_a_failed_job_runs_again() -> None:
    machine = deployed(batch("1"))
    machine.boxes["migrate"].exit_code = 3
    assert "  run       job migrate  exited 3" in text(plan(machine, batch("1")))


def test_an_on_demand_service_is_pushed_but_not_created_and_never_drift() -> None:
    desired = host(
        service("tool", on_demand=True, env={"A": "1"}, definition={"profiles": ["on_demand"]}),
        service("api"),
    )
    machine = deployed(desired)
    assert "tool" not in machine.boxes
    assert not plan(machine, desired).changes
    started = plan(machine, desired, services=frozenset({"tool"}), start=frozenset({"tool"}))
    machine.run(started)
    assert machine.boxes["tool"].env == {"A": "1"}
    assert not plan(machine, desired).changes


def test_a_held_service_stays_down_and_is_shown() -> None:
    machine = deployed(shop())
    machine.held = {"web"}
    machine.boxes["web"].state = "exited"
    found = plan(machine, shop())
    assert [step.verb for step in found.steps] == ["push"]
    machine.run(found)
    machine.typed_up()
    assert machine.boxes["web"].state == "exited"
    assert "stopped on purpose" in plan(machine, shop()).notes[0]
    assert not plan(machine, shop()).changes


def test_what_is_about_to_be_stopped_is_owed_no_restart() -> None:
    machine = deployed(shop())
    machine.typed_up()
    machine.boxes["db"].created = machine.boxes["api"].started + 1
    machine.held = {"api"}
    for chosen in ({"api"}, {"web"}):
        found = plan(machine, shop(), services=frozenset(chosen))
        assert [step.verb for step in found.steps] == ["push"]
        assert found.pending == ()


def test_a_narrowed_plan_leaves_other_changes_alone_also_against_a_typed_up() -> None:
    machine = deployed(shop())
    new = changed(
        shop(GREETING="bonjour"), "web", files=[file("web", "/etc/web.conf", "v2")], after={"api": HEALTHY}
    )
    found = plan(machine, new, services=frozenset({"api"}))
    assert found.pending == ("web: recreate (file /etc/web.conf)",)
    machine.run(found)
    machine.typed_up()
    assert machine.recreated == {"api": 1}
    assert machine.files["files/web/etc/web.conf"][0] == b"v1"
    assert not plan(machine, new, services=frozenset({"api"})).changes


def test_a_narrowed_plan_that_needs_what_is_down_says_so() -> None:
    machine = deployed(shop())
    machine.boxes["db"].state, machine.boxes["db"].exit_code = "exited", 1
    (refusal,) = plan(machine, shop(GREETING="x"), services=frozenset({"api"})).refusals
    assert refusal.startswith("api needs db, which does not run")


def test_strays_are_notes_and_are_never_touched() -> None:
    machine = deployed(shop())
    less = host(*[one for one in shop().services.values() if one.name != "web"])
    found = plan(machine, less)
    assert [step.verb for step in found.steps] == ["push"]
    assert any("stray container demo-web-1" in note for note in found.notes)
    assert any("stray file files/web/etc/web.conf" in note for note in found.notes)


def test_a_compose_project_of_the_same_name_elsewhere_is_refused() -> None:
    machine = deployed(shop())
    observed = machine.look(shop())
    elsewhere = tuple(
        replace(
            one,
            labels={
                **{key: value for key, value in one.labels.items() if not key.startswith("opsctl.")},
                "com.docker.compose.project.working_dir": "/srv/old",
            },
        )
        for one in observed.containers
    )
    refusals = plan_host(shop(), replace(observed, containers=elsewhere), PlanRequest()).refusals
    assert "already runs from /srv/old" in refusals[0]
