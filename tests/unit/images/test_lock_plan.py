"""What the lock holds next: additions, moves, rollbacks, refusals; and that nothing else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.images.pictures import AMD, ARM, NOON, digest, entry, lock, told, use, wanted

from opsctl.errors import Refused, RegistryUnavailable
from opsctl.images.lock_plan import Answers, plan_lock, plan_rollback, unlocked, unused, validated
from opsctl.images.wanted import chosen, wanted_images
from opsctl.model.lock import EMPTY_LOCK, Lock


def test_what_the_lock_lacks_is_added_with_all_that_is_known() -> None:
    plan = plan_lock(EMPTY_LOCK, wanted("redis:8"), {"redis:8": told(1)}, now=NOON)
    added = plan.lock.images["redis:8"]
    assert (added.tag, added.digest, added.platforms) == ("8", digest(1), (AMD, ARM))
    assert (added.resolved_at, added.validated_at, added.previous) == ("2023-11-14T22:13:20Z", None, None)
    assert str(plan) == "added    redis:8 000000000000"


def test_a_moved_tag_keeps_what_was_and_is_untried() -> None:
    before = lock(redis=entry(1, validated_at="2026-01-03T00:00:00Z"))
    plan = plan_lock(before, wanted("redis:1"), {"redis:1": told(2)}, now=NOON)
    now = plan.lock.images["redis:1"]
    assert now.digest == digest(2)
    assert now.validated_at is None
    assert now.previous
    assert (now.previous.digest, now.previous.validated_at) == (digest(1), "2026-01-03T00:00:00Z")
    assert plan.changes[0].kind == "moved"


def test_the_same_digest_leaves_the_entry_as_it_is() -> None:
    before = lock(redis=entry(1, validated_at="2026-01-03T00:00:00Z", platforms=[AMD], media_type="x"))
    plan = plan_lock(before, wanted("redis:1"), {"redis:1": told(1)}, now=NOON)
    assert plan.lock == before
    assert plan.changes[0].kind == "kept"


def test_platforms_that_were_not_known_are_filled_in() -> None:
    plan = plan_lock(lock(redis=entry(1)), wanted("redis:1"), {"redis:1": told(1)}, now=NOON)
    assert plan.lock.images["redis:1"].platforms == (AMD, ARM)


def test_an_error_leaves_its_entry_and_the_others_go_on() -> None:
    before = lock(redis=entry(1))
    answers: Answers = {"redis:1": RegistryUnavailable("silent"), "caddy:2": told(5)}
    plan = plan_lock(before, wanted("redis:1", "caddy:2"), answers, now=NOON)
    assert plan.lock.images["redis:1"] == before.images["redis:1"]
    assert plan.lock.images["caddy:2"].digest == digest(5)
    assert list(plan.errors) == ["redis:1"]


def test_an_image_without_the_platform_of_a_host_is_refused() -> None:
    images = wanted_images([use("redis:8"), use("redis:8", 2, host="pi", platforms=(ARM,))])
    plan = plan_lock(EMPTY_LOCK, images, {"redis:8": told(1, AMD)}, now=NOON)
    assert not plan.lock.images
    assert "has no linux/arm64, which pi needs" in str(plan.errors["redis:8"])


def test_an_image_written_with_two_digests_is_refused_with_both_places() -> None:
    images = wanted_images([use(f"redis:8@{digest(1)}"), use(f"redis:8@{digest(2)}", 9)])
    assert unlocked(EMPTY_LOCK, images) == images
    error = plan_lock(EMPTY_LOCK, images, {"redis:8": told(1)}, now=NOON).errors["redis:8"]
    assert isinstance(error, Refused)
    assert "stacks/apps.yml:1" in str(error)
    assert "stacks/apps.yml:9" in str(error)


def test_only_what_is_missing_or_written_otherwise_is_asked() -> None:
    held = lock(redis=entry(1), caddy=entry(2))
    images = wanted("redis:1", f"caddy:1@{digest(3)}", "loki:3")
    assert [one.key for one in unlocked(held, images)] == ["caddy:1", "loki:3"]


def test_what_nothing_names_is_dropped_when_asked() -> None:
    held = lock(redis=entry(1), old=entry(2))
    assert unused(held, wanted("redis:1")) == ("old:1",)
    plan = plan_lock(held, (), {}, now=NOON, drop=("old:1",))
    assert list(plan.lock.images) == ["redis:1"]
    assert str(plan) == "dropped  old:1 000000000000 nothing names it"


def test_a_rollback_and_another_come_back_to_the_start() -> None:
    moved = plan_lock(lock(redis=entry(1)), wanted("redis:1"), {"redis:1": told(2)}, now=NOON).lock
    back = plan_rollback(moved, wanted("redis:1"), now=NOON).lock
    assert back.images["redis:1"].digest == digest(1)
    assert back.images["redis:1"].resolved_by == "rollback"
    forth = plan_rollback(back, wanted("redis:1"), now=NOON).lock
    assert forth.images["redis:1"].digest == digest(2)


@pytest.mark.parametrize(
    "held,image,message",
    [
        (EMPTY_LOCK, "redis:1", "is not locked"),
        (lock(redis=entry(1)), "redis:1", "was never locked to another digest"),
        (
            lock(redis=entry(1, previous={"digest": digest(2), "resolved_at": "2026-01-01T00:00:00Z"})),
            f"redis:1@{digest(1)}",
            "a file gives its digest",
        ),
    ],
)
def test_a_rollback_that_cannot_be_is_refused(held: Lock, image: str, message: str) -> None:
    plan = plan_rollback(held, wanted(image), now=NOON)
    assert plan.lock == held
    assert message in str(plan.errors["redis:1"])


def test_the_first_validation_counts() -> None:
    held = lock(redis=entry(1), caddy=entry(2, validated_at="2026-01-03T00:00:00Z"), loki=entry(3))
    now = validated(held, ["redis:1", "caddy:1"], now=NOON)
    assert [one.validated_at for one in now.images.values()] == [
        "2023-11-14T22:13:20Z",
        "2026-01-03T00:00:00Z",
        None,
    ]


def test_names_mean_services_and_images_in_all_their_spellings() -> None:
    images = wanted_images(
        [
            use("ghcr.io/berriai/litellm:v1.2.3", service="proxy"),
            use("docker.io/library/redis:8", service="cache"),
            use("redis:7", service="old"),
        ]
    )

    def found(*names: str) -> list[str]:
        return [one.key for one in chosen(images, names)[0]]

    assert (
        found("proxy")
        == found("litellm")
        == found("ghcr.io/berriai/litellm")
        == ["ghcr.io/berriai/litellm:v1.2.3"]
    )
    assert found("redis") == found("docker.io/library/redis") == ["redis:7", "redis:8"]
    assert found("redis:8") == found("cache") == ["redis:8"]
    assert chosen(images, ["redis", "nix"])[1] == ("nix",)
    assert len(found()) == 3


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9)),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9)),
)
def test_a_plan_touches_what_it_was_asked_and_repeating_it_changes_nothing(
    held: dict[str, int], answers: dict[str, int]
) -> None:
    before = lock(**{name: entry(number) for name, number in held.items()})
    images = wanted(*(f"{name}:1" for name in answers))
    said = {
        f"{name}:1": told(number) if number else RegistryUnavailable("silent")
        for name, number in answers.items()
    }
    after = plan_lock(before, images, said, now=NOON).lock
    assert list(after.images) == sorted(after.images)
    for key in {*before.images, *after.images}:
        if key not in said or isinstance(said[key], RegistryUnavailable):
            assert after.images.get(key) == before.images.get(key)
    assert plan_lock(after, images, said, now=NOON + 1).lock == after
