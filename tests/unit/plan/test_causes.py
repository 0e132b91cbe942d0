"""Causes that a person understands, also where something was lost, broken or edited on the host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.plan.model import DIRECTORY, Machine, build, deployed, file, host, plan, service

from opsctl.plan.planner import plan_host
from opsctl.plan.plans import HostPlan
from opsctl.plan.request import PlanRequest
from opsctl.state.desired import DesiredHost
from opsctl.state.observed import BUILD_LABEL
from opsctl.state.pinned import pin_state


def shop(command: str = "serve", **web: Any) -> DesiredHost:
    return host(
        service("api", env={"GREETING": "hello"}, definition={"command": command}),
        service("web", files=[file("web", "/etc/web.conf", "v1")], **web),
    )


def reasons(found: HostPlan) -> dict[str, str]:
    return {step.subject(): step.reason() for step in found.steps if step.verb in {"create", "recreate"}}


class TestALostKey:
    def without_key(self, machine: Machine, desired: DesiredHost) -> HostPlan:
        return plan_host(desired, replace(machine.look(desired), key=None), PlanRequest())

    def test_recreates_all_and_says_why(self) -> None:
        lost = ".opsctl/fingerprint.key is gone from the host, so that nothing tells what it was made from"
        assert reasons(self.without_key(deployed(shop()), shop())) == {"api": lost, "web": lost}

    def test_does_not_hide_what_can_be_told(self) -> None:
        new = host(service("api", image="lab/app:2.0.0", env={"GREETING": "bonjour"}))
        found = reasons(self.without_key(deployed(shop()), new))["api"]
        assert "image lab/app:1.0.0 -> lab/app:2.0.0" in found
        assert "env: GREETING changed" in found

    def test_in_another_directory_is_no_loss(self) -> None:
        desired = replace(shop(), directory="/srv/demo")
        found = self.without_key(deployed(shop()), desired)
        assert set(reasons(found).values()) == {f"directory {DIRECTORY} -> /srv/demo"}


def test_a_changed_mode_of_a_file_names_the_file() -> None:
    new = host(shop().services["api"], service("web", files=[file("web", "/etc/web.conf", "v1", mode=0o600)]))
    found = plan(deployed(shop()), new)
    assert reasons(found) == {"web": "file /etc/web.conf"}


@pytest.mark.parametrize("text", [b"GREETING='never closed\n", b"two words\n", b"\xff\xfe\n"])
def test_an_env_file_that_is_none_any_more_is_put_back(text: bytes) -> None:
    machine = deployed(shop())
    machine.files["env/api.env"] = (text, 0o600)
    found = plan(machine, shop())
    assert [step.reason() for step in found.steps] == ["edited on the host: env/api.env"]


def test_files_that_were_deleted_on_the_host_are_put_back() -> None:
    machine = deployed(shop())
    del machine.files["env/api.env"], machine.files["files/web/etc/web.conf"]
    found = plan(machine, shop())
    assert [step.reason() for step in found.steps] == [
        "gone from the host: env/api.env, files/web/etc/web.conf"
    ]


class TestAComposeFileEditedOnTheHost:
    """Its labels are ours, so that only the rest of it tells."""

    def edited(self, *, applied: bool) -> Machine:
        machine = deployed(shop())
        text, mode = machine.files["compose.yml"]
        machine.files["compose.yml"] = (text.replace(b"command: serve", b"command: oops"), mode)
        if applied:
            machine.typed_up()
            assert machine.boxes["api"].mapping["command"] == "oops"
        return machine

    def test_is_named_with_service_and_key_and_mended_in_the_container(self) -> None:
        machine = self.edited(applied=True)
        found = plan(machine, shop())
        assert "            edited on the host api: compose.yml" in str(found).splitlines()
        assert reasons(found) == {"api": "definition: command edited on the host"}
        machine.run(found)
        assert machine.boxes["api"].mapping["command"] == "serve"
        assert not plan(machine, shop()).changes

    def test_is_made_good_when_the_push_was_all_that_was_done(self) -> None:
        machine = self.edited(applied=True)
        machine.apply(plan(machine, shop()).steps[0])  # pushed, then killed: the file is right now
        found = plan(machine, shop())
        assert reasons(found) == {"api": "edited on the host (put back before, not applied yet)"}
        machine.run(found)
        assert machine.boxes["api"].mapping["command"] == "serve"
        assert not plan(machine, shop()).changes

    def test_does_not_stand_in_the_way_of_a_change(self) -> None:
        machine = self.edited(applied=True)
        found = plan(machine, shop(command="serve --fast"))
        assert reasons(found) == {"api": "definition: command"}
        machine.run(found)
        assert machine.boxes["api"].mapping["command"] == "serve --fast"

    def test_is_left_alone_where_edits_are_kept(self) -> None:
        (refusal,) = plan(self.edited(applied=False), shop(), keep_host_edits=True).refusals
        assert refusal.startswith("compose.yml was edited on the host (api)")

    def test_in_a_service_that_is_not_selected_stays(self) -> None:
        machine = self.edited(applied=True)
        found = plan(machine, shop(), services=frozenset({"web"}))
        assert not found.changes
        assert found.pending == ("api: recreate (definition: command edited on the host)",)

    def test_that_means_the_same_is_put_back_and_nothing_more(self) -> None:
        machine = deployed(shop())
        text, mode = machine.files["compose.yml"]
        machine.files["compose.yml"] = (text + b"# a remark\n", mode)
        assert [step.verb for step in plan(machine, shop()).steps] == ["push"]


class TestPinnedImages:
    DIGEST = "sha256:" + "ab" * 32
    OTHER = "sha256:" + "cd" * 32

    def pinned(self, image: str, digest: str) -> DesiredHost:
        return host(service("api", image=image, digest=digest))

    def plan(self, before: str, after: DesiredHost, images: dict[str, str]) -> str:
        """`before` runs as the image id0; `images` is what the engine lists besides."""
        machine = deployed(host(service("api", image=before)))
        observed = machine.look(after)
        containers = tuple(replace(one, image_id="id0") for one in observed.containers)
        looked = replace(observed, containers=containers, images={**machine.images, before: "id0", **images})
        return reasons(plan_host(after, looked, PlanRequest()))["api"]

    def test_the_same_bits_under_a_digest_are_named_as_such(self) -> None:
        after = self.pinned(f"lab/app:1@{self.DIGEST}", self.DIGEST)
        said = self.plan("lab/app:1", after, {f"lab/app@{self.DIGEST}": "id0"})
        assert said == "image lab/app:1 pinned to sha256:abababababab…: the same bits under another name"

    def test_other_bits_are_a_change_with_short_digests(self) -> None:
        after = self.pinned(f"lab/app:1@{self.DIGEST}", self.DIGEST)
        said = self.plan("lab/app:1", after, {f"lab/app@{self.DIGEST}": "id1"})
        assert said == "image lab/app:1 -> lab/app:1@sha256:abababababab…"

    def test_another_tag_of_the_same_bits_says_so(self) -> None:
        after = self.pinned(f"lab/app:2@{self.DIGEST}", self.DIGEST)
        said = self.plan(f"lab/app:1@{self.DIGEST}", after, {f"lab/app@{self.DIGEST}": "id0"})
        assert said.endswith("(the same bits)")

    @pytest.mark.parametrize(
        "digest,images,state",
        [
            ("", {}, "unpinned"),
            (DIGEST, {f"lab/app@{DIGEST}": "id0"}, "locked"),
            (DIGEST, {f"lab/app@{OTHER}": "id0"}, "other"),
            (DIGEST, {f"lab/app@{DIGEST}": "id1"}, "other"),
        ],
    )
    def test_what_runs_is_compared_by_digest(self, digest: str, images: dict[str, str], state: str) -> None:
        wanted = service("api", image=f"lab/app:1@{digest}" if digest else "lab/app:1", digest=digest)
        machine = deployed(host(service("api", image="lab/app:1")))
        container = replace(machine.look(host(wanted)).containers[0], image_id="id0")
        assert pin_state(wanted, container, images) == state

    @pytest.mark.parametrize("label,state", [("1", "locked"), ("2", "other")])
    def test_what_was_built_is_compared_by_its_label(self, label: str, state: str) -> None:
        wanted, runs = build("1"), build(label)
        desired = host(service("api", image=wanted.image, build=wanted))
        container = replace(deployed(desired).look(desired).containers[0], labels={BUILD_LABEL: runs.hash})
        assert pin_state(desired.services["api"], container, {}) == state
