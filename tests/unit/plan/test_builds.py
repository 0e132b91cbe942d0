"""When a plan builds, when it only names, and when it does neither."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.plan.model import Machine, build, deployed, host, plan, service

from opsctl.plan.planner import plan_host
from opsctl.plan.request import PlanRequest
from opsctl.state.desired import DesiredHost

ONE, TWO = build("one"), build("two")


def box(made: Any = ONE, **more: Any) -> DesiredHost:
    desired = host(service("box", image=made.image, build=made), service("plain"))
    return replace(desired, **more)


def steps(machine: Machine, desired: DesiredHost, **request: Any) -> list[tuple[str, str, str]]:
    found = plan(machine, desired, **request)
    assert not found.refusals
    return [
        (one.verb, one.subject(), one.reason()) for one in found.steps if one.verb in {"pull", "build", "tag"}
    ]


def test_what_it_is_built_on_is_pulled_first_and_both_before_the_push() -> None:
    found = plan(Machine(), box())

    assert [one.verb for one in found.steps][:4] == ["pull", "pull", "build", "push"]
    assert steps(Machine(), box()) == [
        ("pull", "lab/app:1.0.0", "not on the host, for plain"),
        ("pull", "lab/base:1", "not on the host, for box"),
        ("build", ONE.image, "not on the host, for box"),
    ]


def test_it_is_built_once_for_all_services_that_need_it() -> None:
    desired = host(*(service(name, image=ONE.image, build=ONE) for name in ("a", "b")))

    assert steps(Machine(), desired)[-1] == ("build", ONE.image, "not on the host, for a, b")
    assert not plan(deployed(desired), desired).changes


def test_a_changed_context_is_built_and_only_its_service_made_anew() -> None:
    found = plan(deployed(box()), box(TWO))

    assert [(one.verb, one.subject()) for one in found.steps] == [
        ("build", TWO.image),
        ("push", "1 file"),
        ("recreate", "box"),
        ("wait", "box"),
    ]
    assert f"image {ONE.image} -> {TWO.image}" in str(found)


def test_what_runs_needs_no_image_of_a_name() -> None:
    machine = deployed(box())
    machine.built.clear()
    machine.images = {name: one for name, one in machine.images.items() if "opsctl.local" not in name}

    assert steps(machine, box()) == []
    assert steps(machine, box(), recreate=frozenset({"box"})) == [
        ("build", ONE.image, "not on the host, for box")
    ]


def test_a_name_that_is_missing_or_taken_is_put_right_and_nobody_touched() -> None:
    machine, desired = deployed(box()), box()
    look = machine.look(desired)
    for images, why in (
        ({**look.images, ONE.image: "sha256:other"}, "another image has the name"),
        ({name: one for name, one in look.images.items() if name != ONE.image}, "none has the name"),
    ):
        found = plan_host(desired, replace(look, images=images), PlanRequest())
        assert [(one.verb, one.subject()) for one in found.steps] == [("tag", ONE.image)]
        assert why in str(found)


def test_an_image_that_only_bears_the_name_is_none() -> None:
    machine = Machine(images={ONE.image: "sha256:other", "lab/app:1.0.0": "sha256:app"})

    assert [(verb, subject) for verb, subject, _why in steps(machine, box())] == [
        ("pull", "lab/base:1"),
        ("build", ONE.image),
    ]


def test_what_is_built_needs_its_base_no_more() -> None:
    machine = deployed(box())
    del machine.images["lab/base:1"]

    assert steps(machine, box(), recreate=frozenset({"box"})) == []


def test_a_narrowed_plan_neither_builds_nor_names_for_others() -> None:
    machine = deployed(box())
    del machine.images[ONE.image]

    assert steps(machine, box(TWO), services=frozenset({"plain"})) == []


def test_a_host_that_pulls_nothing_builds_on_what_it_has() -> None:
    desired = host(service("box", image=ONE.image, build=ONE), pulls=False)

    assert plan(Machine(), desired).refusals == (
        "box: lab/base:1 is not on web, and images = push: opsctl push-images web box",
    )
    there = plan(Machine(images={"lab/base:1": "sha256:b"}), desired)
    assert there.steps[0].verb == "build"


def test_the_model_of_the_host_is_right_about_a_second_deploy() -> None:
    machine = deployed(box())
    assert not plan(machine, box()).changes
    machine.run(plan(machine, box(TWO)))
    assert not plan(machine, box(TWO)).changes
