from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.images.corpus import FIXED, FLOATING

from opsctl.images.floating import floating
from opsctl.images.versions import Newer, newer

CORPUS = sorted({tag for _, tag in (*FIXED, *FLOATING)})
SUFFIXES = st.sampled_from(["", "-alpine", "-alpine3.20", "-bookworm-slim", "-stable"])
PREFIXES = st.sampled_from(["", "v", "main-v", "release-"])
SMALL = st.integers(0, 12)
VERSIONS = st.tuples(SMALL, SMALL, SMALL)
DATES = st.dates(date(2000, 1, 1), date(2099, 12, 31))


def steps(tag: str, tags: list[str], repository: str = "") -> list[tuple[str, str]]:
    return [(step.kind, step.tag) for step in newer(tag, tags, repository)]


@pytest.mark.parametrize(
    "tag, tags, expected",
    [
        (
            "1.2.3",
            ["1.2.2", "1.2.3", "1.2.9", "1.2.10", "1.4.0", "1.4.7", "2.0.0", "2.0.1"],
            [("patch", "1.2.10"), ("minor", "1.4.7"), ("major", "2.0.1")],
        ),
        ("1.2.3", ["v1.2.4", "1.3", "1.2.3.4", "1.2.4-alpine", "latest", "nightly", "2"], []),
        ("v1.2.3", ["1.2.4", "v1.3.0"], [("minor", "v1.3.0")]),
        ("2.10.2-alpine", ["2.11.4", "2.11.4-alpine", "2.11.5-alpine3.20"], [("minor", "2.11.4-alpine")]),
        ("8.0-alpine3.20", ["8.2-alpine3.20", "8.2-alpine3.21"], [("minor", "8.2-alpine3.20")]),
        ("v1.81.3-stable", ["v1.83.3-stable", "v1.84.0", "v1.85.0-nightly"], [("minor", "v1.83.3-stable")]),
        ("0.301.2", ["2026.05.1", "2026.09.0", "20230101", "latest"], [("major", "2026.09.0")]),
        (
            "2026.2.23",
            ["2026.2.24", "2026.5.27", "2026.02.25"],
            [("patch", "2026.02.25"), ("minor", "2026.5.27")],
        ),
        (
            "2026.05.1",
            ["2026.5.1", "2026.10.1", "2027.01.0"],
            [("minor", "2026.10.1"), ("major", "2027.01.0")],
        ),
        (
            "bookworm-20260803-slim",
            ["bookworm-20260810-slim", "bookworm-20260810", "trixie-20260901-slim", "bookworm-20270101-slim"],
            [("patch", "bookworm-20260810-slim"), ("major", "bookworm-20270101-slim")],
        ),
        (
            "jammy-20240627",
            ["jammy-20240627.1", "jammy-20240701"],
            [("patch", "jammy-20240627.1"), ("minor", "jammy-20240701")],
        ),
        (
            "RELEASE.2025-04-20T18-04-26Z",
            ["RELEASE.2025-04-22T22-12-26Z", "RELEASE.2024-01-01T00-00-00Z", "RELEASE.2025-04-20T18-04-27Z"],
            [("patch", "RELEASE.2025-04-22T22-12-26Z")],
        ),
        ("2.26.3-pg16", ["2.26.4-pg16", "2.26.9-pg17"], [("patch", "2.26.4-pg16")]),
        ("pg16-v0.2.1", ["pg16-v0.3.0", "pg17-v0.4.0"], [("minor", "pg16-v0.3.0")]),
        ("arm64v8-4.0.9", ["arm64v8-4.0.10", "4.0.11"], [("patch", "arm64v8-4.0.10")]),
        ("7", ["8", "7.4", "20260803"], [("major", "8")]),
    ],
)
def test_newer_tags_of_the_same_scheme(tag: str, tags: list[str], expected: list[tuple[str, str]]) -> None:
    assert steps(tag, tags) == expected


@pytest.mark.parametrize(
    "tag, tags, expected",
    [
        # A release: no pre-release is of interest.
        ("v1.18.1", ["v1.19.0-rc.3", "v1.19.0-alpha.1", "v1.19.0.dev5", "v1.19.0b2"], []),
        ("v1.18.1", ["v1.19.0-rc.3", "v1.18.2"], [("patch", "v1.18.2")]),
        # A pre-release: later ones of its kind and release, and releases.
        ("v1.19.0-rc.3", ["v1.19.0-rc.2", "v1.19.0-rc.10", "v1.19.0-rc.9"], [("patch", "v1.19.0-rc.10")]),
        ("v1.19.0-rc.3", ["v1.19.0-rc.4", "v1.19.0"], [("patch", "v1.19.0")]),
        ("v1.19.0-rc.3", ["v1.20.0-rc.1", "v1.19.0-beta.9", "v1.20.0"], [("minor", "v1.20.0")]),
        ("3.14.0a2-alpine3.20", ["3.14.0a7-alpine3.20", "3.14.0a7", "3.14.0b1-alpine3.20"], [("patch", "3.14.0a7-alpine3.20")]),
        ("19beta3", ["19", "19beta4"], [("patch", "19beta4")]),
        # A fix of a version comes after it, and leads on from it.
        ("0.7.4", ["0.7.5-hotfix.1", "0.7.5"], [("patch", "0.7.5-hotfix.1")]),
        ("0.7.5-hotfix.1", ["0.7.5", "0.7.5-hotfix.2"], [("patch", "0.7.5-hotfix.2")]),
        ("0.7.5-hotfix.1", ["0.7.6"], [("patch", "0.7.6")]),
        ("main-v1.81.12-stable", ["main-v1.81.12-stable.2"], [("patch", "main-v1.81.12-stable.2")]),
        ("main-v1.83.7-stable.patch.1", ["main-v1.83.7-stable", "main-v1.83.8-stable"], [("patch", "main-v1.83.8-stable")]),
        # A rebuild is for whoever counts them.
        ("16.0.0-debian-11-r15", ["16.0.0-debian-11-r9", "16.0.0-debian-11-r20", "16.1.0-debian-12-r1"], [("patch", "16.0.0-debian-11-r20")]),
        ("16.0.0", ["16.0.0-1", "16.0.0-r2"], []),
        ("4.0.9.2244-ls245", ["4.0.9.2244-ls246", "4.0.10.1-ls247"], [("patch", "4.0.10.1-ls247")]),
        ("21.0.4_7-jre", ["21.0.5_11-jre", "21.0.5_11-jdk"], [("patch", "21.0.5_11-jre")]),
        ("v1.30.3-k3s1", ["v1.30.3-k3s2", "v1.31.0-k3s1"], [("patch", "v1.30.3-k3s2"), ("minor", "v1.31.0-k3s1")]),
    ],
)  # fmt: skip
def test_pre_releases_fixes_and_rebuilds(tag: str, tags: list[str], expected: list[tuple[str, str]]) -> None:
    assert steps(tag, tags) == expected


def test_what_the_second_number_means_is_for_the_repository_to_say() -> None:
    tags = ["18.4-bookworm", "18.6-bookworm", "19.0-bookworm", "18.7-alpine"]
    assert steps("18.1-bookworm", tags, "library/postgres") == [
        ("patch", "18.6-bookworm"),
        ("major", "19.0-bookworm"),
    ]
    assert steps("18.1-bookworm", tags) == [("minor", "18.6-bookworm"), ("major", "19.0-bookworm")]
    assert steps("2.470", ["2.471", "2.462.1"], "jenkins/jenkins") == [("minor", "2.471")]


@pytest.mark.parametrize("tag", ["", "latest", "nightly", "bookworm-slim", "sha-1a2b3c4", "1a2b3c4", "12345a6", "8u342-jdk"])  # fmt: skip
def test_without_a_version_nothing_is_newer(tag: str) -> None:
    assert newer(tag, [*CORPUS, "sha-9999999", "sha-ffffff1", "9a2b3c4", "9999", "9u342-jdk"]) == ()


def test_a_tag_that_floats_is_no_way_on_from_one_that_does_not() -> None:
    assert newer("4.0-rc1", ["4.0", "4.0-rc2"]) == (Newer("4.0-rc2", "patch"),)


@given(st.sampled_from(CORPUS), st.lists(st.sampled_from(CORPUS)))
def test_what_is_newer_is_among_the_tags_and_once_of_each_kind(tag: str, tags: list[str]) -> None:
    found = newer(tag, tags)

    assert {step.tag for step in found} <= set(tags) - {tag}
    assert [step.kind for step in found] == [
        kind for kind in ("patch", "minor", "major") if kind in {step.kind for step in found}
    ]
    assert not [step for step in found if not floating(tag) and floating(step.tag)]
    assert newer(tag, [*reversed(tags), *tags]) == found


@given(st.sampled_from(CORPUS), st.sampled_from(CORPUS))
def test_of_two_tags_at_most_one_is_newer(one: str, other: str) -> None:
    assert not (newer(one, [other]) and newer(other, [one]))


@given(PREFIXES, SUFFIXES, VERSIONS, VERSIONS)
def test_the_first_number_that_differs_is_the_kind_of_step(
    prefix: str, suffix: str, old: tuple[int, int, int], new: tuple[int, int, int]
) -> None:
    def spelled(numbers: tuple[int, int, int]) -> str:
        return f"{prefix}{'.'.join(map(str, numbers))}{suffix}"

    expected = []
    if new > old:
        kind = next(k for k, a, b in zip(("major", "minor", "patch"), old, new, strict=True) if a != b)
        expected = [(kind, spelled(new))]
    assert steps(spelled(old), [spelled(new)]) == expected


@given(PREFIXES, SUFFIXES, st.lists(VERSIONS, min_size=1, max_size=30))
def test_newest_of_each_kind(prefix: str, suffix: str, versions: list[tuple[int, int, int]]) -> None:
    spelled = {numbers: f"{prefix}{'.'.join(map(str, numbers))}{suffix}" for numbers in versions}
    old = versions[0]

    found = {step.kind: step.tag for step in newer(spelled[old], spelled.values())}

    patches = [new for new in versions if new[:2] == old[:2] and new > old]
    minors = [new for new in versions if new[0] == old[0] and new[1] > old[1]]
    majors = [new for new in versions if new[0] > old[0]]
    wanted = {"patch": patches, "minor": minors, "major": majors}
    assert found == {kind: spelled[max(tags)] for kind, tags in wanted.items() if tags}


@given(
    st.lists(DATES, min_size=2, max_size=6, unique=True), st.sampled_from(["%Y%m%d", "%Y-%m-%d", "v%Y_%m_%d"])
)
def test_dates_are_ordered_as_days(days: list[date], pattern: str) -> None:
    ordered = [format(day, pattern) for day in sorted(days)]
    for earlier, later in pairwise(ordered):
        assert [step.tag for step in newer(earlier, [later])] == [later]
        assert newer(later, [earlier]) == ()


@given(VERSIONS, VERSIONS)
def test_leading_zeros_count_for_nothing(old: tuple[int, int, int], new: tuple[int, int, int]) -> None:
    assume(old != new)
    plain, padded = ".".join(map(str, new)), ".".join(f"{number:02}" for number in new)
    tag = ".".join(map(str, old))
    assert [step.kind for step in newer(tag, [plain])] == [step.kind for step in newer(tag, [padded])]
    assert newer(plain, [padded]) == newer(padded, [plain]) == ()
