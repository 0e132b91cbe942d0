"""The findings of a check: what is wrong, what is a note, what nobody could tell; and the exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.unit.images.pictures import AMD, ARM, digest, entry, lock, told, use, wanted

from opsctl.errors import Exit, NotInRegistry, OpsctlError, RegistryUnavailable
from opsctl.images.findings import Finding, exit_of, offline_findings, online_findings
from opsctl.images.resolved import Resolved
from opsctl.images.uses import ImageUse, places_text
from opsctl.images.wanted import wanted_images
from opsctl.model.fleet import Place
from opsctl.model.lock import EMPTY_LOCK, Lock


def offline(held: Lock, *uses: ImageUse) -> list[Finding]:
    return list(offline_findings(held, uses, wanted_images(uses)))


def kinds(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(one.kind, one.severity) for one in findings]


@pytest.mark.parametrize(
    "image,kind,reason",
    [
        ("ghcr.io/we-promise/sure:nightly", "floating", "nightly"),
        ("redis", "floating", "latest"),
        ("redis:latest", "floating", "latest"),
        ("caddy:2", "floating", "2"),
        ("ghcr.io/berriai/litellm:v1.81.3-stable", "unpinned", "no digest pins it"),
    ],
)
def test_an_image_without_a_digest_is_found_with_file_and_line(image: str, kind: str, reason: str) -> None:
    (found,) = offline(EMPTY_LOCK, use(image, 12))
    assert (found.kind, found.severity) == (kind, "no")
    assert found.places == ("stacks/apps.yml:12",)
    assert reason in found.message or reason in found.image
    assert found.hint == f"opsctl pin-images {found.image}"


def test_a_floating_tag_that_a_digest_holds_is_a_note() -> None:
    found = offline(lock(sure=entry(1, "nightly")), use("sure:nightly"))
    assert kinds(found) == [("floating", "note")]
    assert exit_of(found, strict=False) is Exit.YES
    assert exit_of(found, strict=True) is Exit.NO
    assert kinds(offline(EMPTY_LOCK, use(f"sure:nightly@{digest(1)}"))) == [("floating", "note")]


def test_a_pinned_version_is_no_finding() -> None:
    assert offline(lock(redis=entry(1, "8.10.1")), use("redis:8.10.1")) == []


def test_images_that_opsctl_builds_count_as_pinned() -> None:
    assert offline(EMPTY_LOCK, use("opsctl.local/demo/caddy:abc")) == []


def test_file_and_lock_that_disagree_are_found() -> None:
    held = lock(redis=entry(1, "8.10.1"))
    assert kinds(offline(held, use(f"redis:8.10.1@{digest(2)}"))) == [("disagree", "no")]
    two = offline(EMPTY_LOCK, use(f"redis:8.10.1@{digest(2)}"), use(f"redis:8.10.1@{digest(3)}", 4))
    assert kinds(two) == [("disagree", "no")]


def test_what_nothing_names_is_found_in_the_lock() -> None:
    (found,) = offline(lock(old=entry(1)))
    assert (found.kind, found.severity, found.places) == ("unused", "no", ("images.lock.yaml",))


def test_a_platform_that_a_host_needs_is_missed() -> None:
    held = lock(redis=entry(1, "8.10.1", platforms=[AMD]))
    (found,) = offline(held, use("redis:8.10.1", host="pi", platforms=(ARM,)))
    assert (found.kind, found.severity) == ("platform", "no")


def test_an_image_that_only_looks_like_one_can_be_pinned_by_a_person_alone() -> None:
    (found,) = offline(EMPTY_LOCK, use("sandbox:bookworm", 3, file="templates/claw.json.j2", kind="found"))
    assert (found.kind, found.severity) == ("unpinned", "no")
    assert "{{ image('sandbox:bookworm') }}" in found.hint
    assert offline(EMPTY_LOCK, use(f"sandbox:bookworm@{digest(1)}", kind="found")) == []


def test_what_is_no_reference_could_not_be_told() -> None:
    found = offline(EMPTY_LOCK, use("$BASE", kind="dockerfile"))
    assert kinds(found) == [("unreadable", "unknown")]
    assert exit_of(found, strict=False) is Exit.COULD_NOT_FIND_OUT


def online(
    held: Lock, image: str, tag: Resolved | OpsctlError, kept: Resolved | OpsctlError | None = None
) -> list[Finding]:
    images = wanted(image)
    key = images[0].key
    answers = {key: kept} if kept else {}
    return list(online_findings(held, images, {key: tag}, answers))


HELD = lock(redis=entry(1, "8.10.1"), sure=entry(1, "nightly"))
GONE = NotInRegistry("no such thing")


def test_a_tag_that_names_its_digest_is_no_finding() -> None:
    assert online(HELD, "redis:8.10.1", told(1)) == []


def test_a_version_that_moved_is_wrong_and_a_floating_tag_that_moved_is_a_note() -> None:
    assert kinds(online(HELD, "redis:8.10.1", told(2), told(1))) == [("moved", "no")]
    assert kinds(online(HELD, "sure:nightly", told(2), told(1))) == [("moved", "note")]


def test_a_digest_that_vanished_is_wrong_even_behind_a_floating_tag() -> None:
    assert kinds(online(HELD, "sure:nightly", told(2), GONE)) == [("gone", "no"), ("moved", "note")]


def test_what_vanished_with_its_tag_is_one_finding() -> None:
    (found,) = online(HELD, "redis:8.10.1", GONE, GONE)
    assert (found.kind, found.severity) == ("gone", "no")
    assert "--update" not in found.hint


def test_a_tag_that_vanished_is_wrong() -> None:
    (found,) = online(HELD, "redis:8.10.1", GONE, told(1))
    assert (found.kind, found.severity) == ("moved", "no")
    assert "the tag is gone" in found.message


def test_a_registry_that_cannot_tell_is_never_a_pass() -> None:
    found = online(HELD, "redis:8.10.1", RegistryUnavailable("silent"))
    assert kinds(found) == [("unknown", "unknown")]
    assert exit_of(found, strict=False) is Exit.COULD_NOT_FIND_OUT
    both = online(HELD, "redis:8.10.1", told(2), RegistryUnavailable("silent"))
    assert kinds(both) == [("unknown", "unknown"), ("moved", "no")]


def test_the_platform_is_looked_for_in_what_the_registry_has() -> None:
    images = wanted_images([use("redis:8.10.1", host="pi", platforms=(ARM,))])
    (found,) = online_findings(HELD, images, {"redis:8.10.1": told(1, AMD)}, {})
    assert found.kind == "platform"


def test_places_are_told_together_by_file_and_by_what_says_the_tag() -> None:
    source = Place("hosts.toml", 9)
    uses = [
        use("a:1", 12),
        use("a:1", 3),
        use("a:1", 4, file="stacks/b.yml"),
        use("a:1", 0, file="templates/x"),
    ]
    uses += [replace(use("a:1", 7), source=source), replace(use("a:1", 5), source=source)]
    assert (
        places_text(uses)
        == "stacks/apps.yml:3,12, stacks/b.yml:4, templates/x, stacks/apps.yml:5,7 (hosts.toml:9)"
    )
