"""References as the engine reads them, the names of the lock, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.model.references import brief, check_registry, familiar, parse_reference
from opsctl.model.values import Unfit

DIGEST = "sha256:" + "0123456789abcdef" * 4

READ = [
    ("redis", ("docker.io", "library/redis", "", ""), "redis:latest"),
    ("redis:8", ("docker.io", "library/redis", "8", ""), "redis:8"),
    ("docker.io/redis:8", ("docker.io", "library/redis", "8", ""), "redis:8"),
    ("docker.io/library/redis:8", ("docker.io", "library/redis", "8", ""), "redis:8"),
    ("index.docker.io/library/redis:8", ("docker.io", "library/redis", "8", ""), "redis:8"),
    (
        "registry-1.docker.io/library/redis:8",
        ("registry-1.docker.io", "library/redis", "8", ""),
        "registry-1.docker.io/library/redis:8",
    ),
    ("grafana/loki:3.7.6", ("docker.io", "grafana/loki", "3.7.6", ""), "grafana/loki:3.7.6"),
    ("library/redis", ("docker.io", "library/redis", "", ""), "redis:latest"),
    ("ghcr.io/a/b/c:v1", ("ghcr.io", "a/b/c", "v1", ""), "ghcr.io/a/b/c:v1"),
    ("localhost/a:1", ("localhost", "a", "1", ""), "localhost/a:1"),
    ("10.0.0.1:5000/lab/x", ("10.0.0.1:5000", "lab/x", "", ""), "10.0.0.1:5000/lab/x:latest"),
    ("[::1]:5000/x:1", ("[::1]:5000", "x", "1", ""), "[::1]:5000/x:1"),
    (f"redis@{DIGEST}", ("docker.io", "library/redis", "", DIGEST), "redis:latest"),
    (f"redis:8@{DIGEST}", ("docker.io", "library/redis", "8", DIGEST), "redis:8"),
    (
        f"a.example:443/b-c__d:V_1.x@{DIGEST}",
        ("a.example:443", "b-c__d", "V_1.x", DIGEST),
        "a.example:443/b-c__d:V_1.x",
    ),
]


@pytest.mark.parametrize("text,parts,key", READ)
def test_a_reference_is_taken_apart_as_the_engine_does(
    text: str, parts: tuple[str, str, str, str], key: str
) -> None:
    read = parse_reference(text)
    assert (read.registry, read.path, read.tag, read.digest) == parts
    assert read.key == key
    assert str(read) == text
    assert parse_reference(read.key).key == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Redis",
        "redis:",
        "redis:a b",
        "redis@sha256:12",
        f"redis@sha512:{'0' * 128}",
        "https://ghcr.io/a",
        "a//b",
        "-a",
        "a/" + "b" * 255,
        "redis:" + "x" * 129,
        "{{ vars.x }}",
        "a b",
    ],
)
def test_what_the_engine_would_refuse_is_refused(text: str) -> None:
    with pytest.raises(Unfit, match=r"is not the name of an image|has no proper"):
        parse_reference(text)


def test_capitals_in_a_repository_are_told_of() -> None:
    with pytest.raises(Unfit) as error:
        parse_reference("ghcr.io/Owner/app:1")
    assert error.value.hint == "a repository is written in small letters"


def test_pinning_spells_the_implied_tag_out() -> None:
    assert (
        str(parse_reference("docker.io/library/redis").pinned(DIGEST))
        == f"docker.io/library/redis:latest@{DIGEST}"
    )
    assert parse_reference(f"redis@{DIGEST}").known_tag == ""


def test_the_familiar_form_is_that_of_the_engine_lists() -> None:
    assert familiar("docker.io/library/redis") == "redis:latest"
    assert familiar(f"docker.io/grafana/loki:3@{DIGEST}") == f"grafana/loki@{DIGEST}"
    assert familiar("sha256:not a reference") == "sha256:not a reference"


def test_brief_cuts_each_digest_and_nothing_else() -> None:
    assert brief(f"a:1@{DIGEST} -> b") == "a:1@sha256:0123456789ab… -> b"


@pytest.mark.parametrize("name", ["https://ghcr.io", "ghcr.io/a", "", "a b"])
def test_a_registry_is_a_host_alone(name: str) -> None:
    with pytest.raises(Unfit):
        check_registry(name)
    assert check_registry("index.docker.io") == "docker.io"


@given(st.text(alphabet="abcz019._-/:@[]A \n", max_size=40))
def test_reading_ends_in_a_reference_or_a_refusal(text: str) -> None:
    try:
        read = parse_reference(text)
    except Unfit:
        return
    assert str(read) == text
    assert parse_reference(str(read)) == read
    assert parse_reference(read.key).key == read.key
