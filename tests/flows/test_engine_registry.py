"""An engine in place of a client of registries."""

from __future__ import annotations

import base64
import json

import pytest
from tests.fakes.edges import FakeEngine

from opsctl.errors import NotInRegistry, RegistryUnavailable
from opsctl.flows.engine_registry import EngineRegistry, engine_auth
from opsctl.images.credentials import Credentials
from opsctl.images.resolved import Resolved
from opsctl.model.references import parse_reference

DIGEST = "sha256:" + "a" * 64
INDEX = "application/vnd.oci.image.index.v1+json"


def answered(image: str, answer: object) -> tuple[EngineRegistry, FakeEngine]:
    engine = FakeEngine()
    engine.answers[f"/distribution/{image}/json"] = answer
    return EngineRegistry(engine, "web", lambda name: f"login to {name}"), engine


def test_an_index_with_its_platforms_and_without_its_attestations() -> None:
    platforms = [
        {"os": "linux", "architecture": "arm64", "variant": "v8"},
        {"os": "linux", "architecture": "amd64"},
        {"os": "unknown", "architecture": "unknown"},
        {"architecture": "amd64"},
    ]
    answer = {"Descriptor": {"digest": DIGEST, "mediaType": INDEX, "size": 1}, "Platforms": platforms}
    registry, engine = answered("redis:7.2", answer)

    found = registry.resolve(parse_reference("docker.io/library/redis:7.2"))

    assert found == Resolved(DIGEST, INDEX, ("linux/amd64", "linux/arm64/v8"))
    assert engine.asked == [("/distribution/redis:7.2/json", {"auth": "login to docker.io"})]


def test_a_digest_goes_before_the_tag() -> None:
    registry, _ = answered(f"ghcr.io/a/b@{DIGEST}", {"Descriptor": {"digest": DIGEST}, "Platforms": None})

    assert registry.resolve(parse_reference(f"ghcr.io/a/b:1@{DIGEST}")) == Resolved(DIGEST)


def test_what_is_not_there() -> None:
    registry, _ = answered("redis:7.2", None)

    with pytest.raises(NotInRegistry) as error:
        registry.resolve(parse_reference("redis:7.2"))

    assert str(error.value).startswith("the engine of web: docker.io has no redis:7.2\n")


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"Descriptor": None},
        {"Descriptor": {"size": 1}},
        {"Descriptor": {"digest": "sha512:" + "0" * 128}},
        "text",
    ],
)
def test_an_answer_without_a_digest(answer: object) -> None:
    registry, _ = answered("redis:7.2", answer)

    with pytest.raises(RegistryUnavailable, match="names no digest"):
        registry.resolve(parse_reference("redis:7.2"))


def test_schema_1_is_refused_as_by_our_own_client() -> None:
    kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    registry, _ = answered("redis:7.2", {"Descriptor": {"digest": DIGEST, "mediaType": kind}})

    with pytest.raises(RegistryUnavailable, match="schema 1") as raised:
        registry.resolve(parse_reference("redis:7.2"))

    assert "push it again" in raised.value.hint


def test_a_digest_that_is_answered_with_another_is_an_error() -> None:
    other = "sha256:" + "b" * 64
    registry, _ = answered(f"redis@{DIGEST}", {"Descriptor": {"digest": other}})

    with pytest.raises(RegistryUnavailable, match=other):
        registry.resolve(parse_reference(f"redis@{DIGEST}"))


def test_tags_are_no_question_for_an_engine() -> None:
    registry, _ = answered("redis:7.2", None)

    with pytest.raises(RegistryUnavailable, match="cannot list the tags of redis"):
        registry.tags(parse_reference("redis:7.2"))


def test_a_login_as_the_engine_reads_it() -> None:
    credentials = Credentials("ann", 'p?>~ü"\\w')

    told = engine_auth("docker.io", credentials)

    assert json.loads(base64.urlsafe_b64decode(told)) == {
        "username": "ann",
        "password": credentials.password,
        "serveraddress": "https://index.docker.io/v1/",
    }
    assert (
        json.loads(base64.urlsafe_b64decode(engine_auth("r:5000", credentials)))["serveraddress"] == "r:5000"
    )
    assert "p?" not in repr(credentials)
