from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.images.corpus import FIXED, FLOATING

from opsctl.images.floating import CHANNELS, floating

NUMBERS = st.integers(0, 4000)


@pytest.mark.parametrize("repository, tag", FIXED)
def test_a_tag_of_one_version_is_fixed(repository: str, tag: str) -> None:
    assert floating(tag, repository) == ""


@pytest.mark.parametrize("repository, tag", FLOATING)
def test_a_tag_that_moves_floats(repository: str, tag: str) -> None:
    assert floating(tag, repository)


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    rows = [*FIXED, *FLOATING]
    assert len(rows) >= 120
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    "tag, reason",
    [
        ("", "no tag"),
        ("latest", "no version: latest"),
        ("Nightly-alpine", "no version: nightly"),
        ("main-stable", "no version: main"),
        ("bookworm-slim", "no version: bookworm-slim"),
        ("7", "major version only"),
        ("v1-edge", "major version only"),
        ("18-bookworm", "major version only"),
        ("16-3.4", "major version only"),
        ("7.4", "major and minor version only"),
        ("3.14-rc", "major and minor version only"),
        ("8.15.0-SNAPSHOT", "moves by definition: snapshot"),
    ],
)
def test_the_reason_says_what_is_missing(tag: str, reason: str) -> None:
    assert floating(tag) == reason


@pytest.mark.parametrize(
    "repository, tag, floats",
    [
        ("library/postgres", "18.6-bookworm", False),
        ("library/redis", "8.0-bookworm", True),
        ("", "18.6-bookworm", True),
        ("library/postgres", "9.6", True),
        ("jenkins/jenkins", "2.470", False),
    ],
)
def test_whether_two_numbers_are_a_full_version_is_for_the_repository_to_say(
    repository: str, tag: str, floats: bool
) -> None:
    assert bool(floating(tag, repository)) == floats


@given(st.sampled_from(sorted(CHANNELS)), st.sampled_from(["", "-alpine", "-slim-bookworm", "-amd64"]))
def test_a_channel_alone_floats_in_any_spelling(word: str, tail: str) -> None:
    assert floating(word + tail) == floating(word.upper() + tail) == f"no version: {word}"


@given(
    st.tuples(NUMBERS, NUMBERS, NUMBERS),
    st.sampled_from(sorted(CHANNELS - {"snapshot", "latest"})),
    st.sampled_from(["-", "_", "."]),
    st.sampled_from(["", "v", "release-"]),
)
def test_a_full_version_with_a_channel_is_fixed(
    numbers: tuple[int, int, int], word: str, separator: str, prefix: str
) -> None:
    version = ".".join(map(str, numbers))
    assert floating(f"{prefix}{version}{separator}{word}") == ""
    assert floating(f"{word}-{prefix}{version}") == ""


@given(NUMBERS, NUMBERS, st.sampled_from(["", "-alpine", "-slim", "-stable", "-edge"]))
def test_less_than_three_numbers_float(major: int, minor: int, tail: str) -> None:
    assert floating(f"{major}{tail}") == "major version only"
    assert floating(f"{major}.{minor}{tail}") == "major and minor version only"


@given(st.text("ab01.-_vx", max_size=128))
def test_any_tag_has_an_answer(tag: str) -> None:
    assert isinstance(floating(tag), str)


def test_a_copy_of_a_repository_has_its_versions() -> None:
    assert floating("18.6-bookworm", "lab/postgres") == ""
    assert floating("18.6-bookworm", "lab/postgres-exporter")
