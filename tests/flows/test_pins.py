"""Pinning, checking, what is newer, and locking what runs, with a registry and engines that say what they are told."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.edges import FakeClock, FakeEngine, FakeRegistry
from tests.unit.images.pictures import AMD, ARM, INDEX, digest, entry, lock, told, use

from opsctl.edges.ports import Engine
from opsctl.errors import (
    CouldNotFindOut,
    EngineUnavailable,
    Exit,
    NotInRegistry,
    OpsctlError,
    RegistryUnavailable,
    UsageError,
)
from opsctl.flows.events import Event
from opsctl.flows.pins.asking import Asker
from opsctl.flows.pins.checking import check, exit_of, outdated
from opsctl.flows.pins.inventory import Inventory
from opsctl.flows.pins.pinning import pin, roll_back, update
from opsctl.flows.pins.running import running
from opsctl.images.resolved import Resolved
from opsctl.images.uses import ImageUse
from opsctl.images.wanted import wanted_images
from opsctl.model.lock import EMPTY_LOCK, Lock
from opsctl.model.references import Reference


def found(held: Lock, *uses: ImageUse, whole: bool = True) -> Inventory:
    """All that is asked about is of the environment prod; without `whole` it alone is asked about."""
    return Inventory(held, uses, wanted_images(uses), "" if whole else "prod")


def asker(registry: FakeRegistry, *, at_once: int = 1) -> Asker:
    return Asker(registry, FakeClock(), lambda _event: None, at_once=at_once)


def registry(**answers: Resolved | OpsctlError) -> FakeRegistry:
    """By name; the tag is 1."""
    made = FakeRegistry()
    made.answers = {f"{name}:1": answer for name, answer in answers.items()}
    return made


class TestPinning:
    def test_asks_only_for_what_is_missing_and_drops_what_nothing_names(self) -> None:
        asked = registry(new=told(7))
        plan = pin(
            found(lock(redis=entry(1), old=entry(2)), use("redis:1"), use("new:1", 2)), (), asker(asked)
        )
        assert asked.asked == ["new:1"]
        assert {key: one.digest for key, one in plan.lock.images.items()} == {
            "new:1": digest(7),
            "redis:1": digest(1),
        }

    @pytest.mark.parametrize("names,whole", [(("redis",), True), ((), False)])
    def test_drops_nothing_where_not_everything_was_looked_at(
        self, names: Sequence[str], whole: bool
    ) -> None:
        plan = pin(
            found(lock(old=entry(2), redis=entry(1)), use("redis:1"), whole=whole), names, asker(registry())
        )
        assert "old:1" in plan.lock.images

    def test_a_written_digest_is_asked_by_itself_and_locked(self) -> None:
        asked = FakeRegistry()
        asked.answers[f"redis:1@{digest(5)}"] = told(5)
        plan = pin(found(EMPTY_LOCK, use(f"redis:1@{digest(5)}")), (), asker(asked))
        assert plan.lock.images["redis:1"].digest == digest(5)

    def test_an_update_takes_what_the_tag_names_now(self) -> None:
        plan = update(
            found(lock(redis=entry(1)), use("redis:1")), (), asker(registry(redis=told(2))), into_files=False
        )
        assert plan.changes[0].kind == "moved"

    def test_an_update_moves_a_written_digest_only_along_with_its_file(self) -> None:
        asked = registry(redis=told(2))
        asked.answers[f"redis:1@{digest(1)}"] = told(1)
        held = found(lock(redis=entry(1)), use(f"redis:1@{digest(1)}"))
        assert update(held, (), asker(asked), into_files=False).changes[0].kind == "kept"
        assert update(held, (), asker(asked), into_files=True).lock.images["redis:1"].digest == digest(2)

    def test_a_name_that_means_nothing_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(UsageError) as error:
            pin(found(EMPTY_LOCK, use("redis:1", service="cache")), ["cahce"], asker(registry()))
        assert "cache" in error.value.hint
        with pytest.raises(UsageError, match="name the images"):
            roll_back(found(EMPTY_LOCK), (), now=0)


class TestAsking:
    def test_goes_on_with_the_others_while_one_hangs(self) -> None:
        done: set[str] = set()
        others = threading.Event()

        class Slow(FakeRegistry):
            def resolve(self, image: Reference) -> Resolved:
                if image.path == "library/slow":
                    assert others.wait(10)
                else:
                    done.add(image.key)
                    if len(done) == 5:
                        others.set()
                return told(1)

        questions = [use(f"{name}:1", at) for at, name in enumerate(["slow", *"abcde"])]
        plan = pin(found(EMPTY_LOCK, *questions), (), asker(Slow(), at_once=2))
        assert len(plan.lock.images) == 6

    def test_tells_what_it_asks(self) -> None:
        heard: list[Event] = []
        pin(found(EMPTY_LOCK, use("redis:1")), (), Asker(registry(redis=told(1)), FakeClock(), heard.append))
        assert [(one.host, one.kind, one.subject) for one in heard] == [
            ("docker.io", "step", "ask about redis:1"),
            ("docker.io", "step_done", "ask about redis:1"),
        ]


class TestChecking:
    def test_asks_for_the_digest_only_where_the_tag_names_another(self) -> None:
        asked = registry(same=told(1), moved=told(2))
        asked.answers[f"moved:1@{digest(1)}"] = told(1)
        held = lock(same=entry(1), moved=entry(1))
        findings = check(found(held, use("same:1"), use("moved:1", 2)), (), asker(asked))
        assert asked.asked == ["moved:1", "same:1", f"moved:1@{digest(1)}"]
        assert [(one.kind, one.image) for one in findings if one.kind != "floating"] == [("moved", "moved:1")]

    def test_offline_asks_nobody(self) -> None:
        findings = check(found(lock(redis=entry(1)), use("redis:1"), use("loose", 2)), (), None)
        assert findings[0].image == "loose:latest"

    def test_a_narrowed_check_does_not_call_others_unused(self) -> None:
        held = lock(redis=entry(1, "8.1.1"), other=entry(2))
        uses = (use("redis:8.1.1"),)
        assert [one.kind for one in check(found(held, *uses), ["redis"], None)] == []
        assert [one.kind for one in check(found(held, *uses, whole=False), (), None)] == []
        assert [one.kind for one in check(found(held, *uses), (), None)] == ["unused"]

    def test_newer_tags_are_told_by_their_kind_and_an_error_is_its_own(self) -> None:
        asked = FakeRegistry()
        asked.answers = {"app:1.2.3": told(2)}
        asked.lists = {
            "app": ["1.2.3", "1.2.9", "1.4.0", "2.0.0", "latest"],
            "x": RegistryUnavailable("silent"),
        }
        held = lock(app=entry(1, "1.2.3"), x=entry(3, "1.0.0"))
        app, other = outdated(found(held, use("app:1.2.3"), use("x:1.0.0", 2)), (), asker(asked))
        assert app.moved == digest(2)
        assert [(one.kind, one.tag) for one in app.newer] == [
            ("patch", "1.2.9"),
            ("minor", "1.4.0"),
            ("major", "2.0.0"),
        ]
        assert other.error
        assert exit_of([app]) is Exit.YES
        assert exit_of([app, other]) is Exit.COULD_NOT_FIND_OUT


def engine(*containers: dict[str, Any], images: dict[str, list[str]]) -> FakeEngine:
    made = FakeEngine()
    made.answers["/containers/json"] = [
        {
            "Id": one["service"],
            "Image": one["image"],
            "ImageID": one["id"],
            "State": one.get("state", "running"),
            "Status": one.get("status", "Up 2 minutes (healthy)"),
            "Labels": {"com.docker.compose.project": "demo", "com.docker.compose.service": one["service"]},
        }
        for one in containers
    ]
    made.answers["/images/json"] = [{"Id": name, "RepoDigests": digests} for name, digests in images.items()]
    return made


class TestRunning:
    API: dict[str, Any] = {"service": "api", "image": "app:1", "id": "i1"}  # noqa: RUF012 - read only

    def told(self, *engines: FakeEngine, known: FakeRegistry | None = None) -> Resolved | OpsctlError:
        names = [f"host{at}" for at in range(len(engines))]
        images = wanted_images([use("app:1", at, host=name) for at, name in enumerate(names, start=1)])

        def given(one: FakeEngine) -> Engine:
            return one

        answers = running(
            images,
            "demo",
            {name: lambda one=one: given(one) for name, one in zip(names, engines, strict=True)},  # type: ignore[misc]
            known or FakeRegistry(),
            named=True,
        )
        return answers["app:1"]

    def refused(self, *engines: FakeEngine) -> str:
        answer = self.told(*engines)
        assert isinstance(answer, OpsctlError)
        return str(answer)

    def test_the_digest_of_what_runs_is_told_and_the_registry_adds_what_it_knows(self) -> None:
        known = FakeRegistry()
        known.answers[f"app:1@{digest(4)}"] = told(4)
        one = engine(self.API, images={"i1": [f"app@{digest(4)}", f"mirror/app@{digest(9)}"]})
        assert self.told(one, known=known) == told(4)
        assert self.told(one) == Resolved(digest(4))

    def test_of_several_digests_the_index_is_taken(self) -> None:
        known = FakeRegistry()
        known.answers[f"app:1@{digest(4)}"] = Resolved(
            digest(4), "application/vnd.oci.image.manifest.v1+json", (AMD,)
        )
        known.answers[f"app:1@{digest(5)}"] = Resolved(digest(5), INDEX, (AMD,))
        two = engine(self.API, images={"i1": [f"app@{digest(4)}", f"app@{digest(5)}"]})
        answer = self.told(two, known=known)
        assert isinstance(answer, Resolved)
        assert answer.digest == digest(5)
        assert isinstance(self.told(two), CouldNotFindOut)

    def test_where_the_index_cannot_be_asked_for_the_manifest_of_one_platform_is_not_taken(self) -> None:
        known = FakeRegistry()
        single = Resolved(digest(4), "application/vnd.oci.image.manifest.v1+json", (AMD,))
        known.answers[f"app:1@{digest(4)}"] = single
        known.answers[f"app:1@{digest(5)}"] = RegistryUnavailable("silent")
        two = engine(self.API, images={"i1": [f"app@{digest(4)}", f"app@{digest(5)}"]})
        answer = self.told(two, known=known)
        assert isinstance(answer, CouldNotFindOut)
        assert "silent" in answer.message
        known.answers[f"app:1@{digest(5)}"] = NotInRegistry("gone")
        assert self.told(two, known=known) == single

    def test_of_several_indexes_the_one_that_the_tag_names_is_taken(self) -> None:
        known = FakeRegistry()
        for number in (4, 5):
            known.answers[f"app:1@{digest(number)}"] = told(number)
        two = engine(self.API, images={"i1": [f"app@{digest(4)}", f"app@{digest(5)}"]})
        known.answers["app:1"] = told(9)
        assert isinstance(self.told(two, known=known), CouldNotFindOut)
        known.answers["app:1"] = told(5)
        assert self.told(two, known=known) == told(5)

    @pytest.mark.parametrize(
        "container,digests,message",
        [
            ({"status": "Up 2 minutes (unhealthy)"}, [f"app@{digest(1)}"], "api is unhealthy"),
            ({"state": "exited", "status": "Exited (1)"}, [f"app@{digest(1)}"], "api is exited"),
            ({"image": "app:0.9"}, [f"app@{digest(1)}"], "api runs app:0.9, and the files say app:1"),
            ({}, [], "the engine knows no digest for the image of api"),
            ({"service": "other"}, [f"app@{digest(1)}"], "nothing runs it on host0"),
        ],
    )
    def test_what_is_not_healthy_or_another_is_not_locked(
        self, container: dict[str, Any], digests: list[str], message: str
    ) -> None:
        assert message in self.refused(engine({**self.API, **container}, images={"i1": digests}))

    @pytest.mark.parametrize("code,locked", [(0, True), (1, False)])
    def test_a_job_that_ended_well_does_not_spoil_the_image_of_what_runs(
        self, code: int, locked: bool
    ) -> None:
        job = {**self.API, "service": "migrate", "state": "exited", "status": f"Exited ({code}) 1 hour ago"}
        one = engine(self.API, job, images={"i1": [f"app@{digest(1)}"]})
        uses = [use("app:1", host="host0"), use("app:1", 2, service="migrate", host="host0")]
        answers = running(wanted_images(uses), "demo", {"host0": lambda: one}, FakeRegistry())
        assert (answers["app:1"] == Resolved(digest(1))) == locked

    def test_two_hosts_that_run_different_digests_are_refused(self) -> None:
        one, two = (engine(self.API, images={"i1": [f"app@{digest(number)}"]}) for number in (1, 2))
        assert "it runs with different digests" in self.refused(one, two)

    def test_a_host_that_cannot_be_asked_is_an_error_of_its_images(self) -> None:
        broken = FakeEngine()
        broken.answers["/containers/json"] = EngineUnavailable("the engine is down")
        assert "the engine is down" in self.refused(broken)


def test_what_another_environment_needs_counts_also_where_one_is_asked_about() -> None:
    here, there = use("app:1"), replace(use("app:1", 2, host="pi", platforms=(ARM,)), environment="lab")
    other = replace(use("else:1", 3), environment="lab")
    asked = registry(app=told(1, AMD))
    plan = pin(found(EMPTY_LOCK, here, there, other, whole=False), (), asker(asked))
    assert asked.asked == ["app:1"]
    assert "has no linux/arm64, which pi needs" in str(plan.errors["app:1"])
    findings = check(found(lock(old=entry(1)), here, there, other, whole=False), (), None)
    assert {one.image for one in findings} == {"app:1"}


def test_an_environment_given_as_a_name_is_told_as_such() -> None:
    with pytest.raises(UsageError) as error:
        pin(found(EMPTY_LOCK, use("app:1")), ["prod"], asker(registry()))
    assert error.value.hint == "an environment is named with -e prod"


def test_what_was_pushed_to_a_host_cannot_be_locked_from_there() -> None:
    pushed = {"service": "api", "image": "app:1-sha256-000000000001", "id": "i1"}
    answer = TestRunning().told(engine(pushed, images={"i1": []}))
    assert "runs what was pushed there as sha256:000000000001…" in str(answer)


def test_a_registry_that_has_no_such_tag_is_a_no() -> None:
    plan = pin(found(EMPTY_LOCK, use("gone:1")), (), asker(FakeRegistry()))
    assert isinstance(plan.errors["gone:1"], NotInRegistry)
    assert plan.errors["gone:1"].exit is Exit.NO
