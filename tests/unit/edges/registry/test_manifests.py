"""What manifests say, and that nonsense says nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.registry_server import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, SCHEMA_1

from opsctl.edges.registry import manifests

ATTESTATION = {"platform": {"os": "unknown", "architecture": "unknown"}}


def index(*platforms: dict[str, Any]) -> bytes:
    return json.dumps({"manifests": list(platforms)}).encode()


def test_platforms_are_sorted_each_once_and_attestations_left_out() -> None:
    arm = {"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    amd = {"platform": {"os": "linux", "architecture": "amd64", "os.version": "1"}}

    found = manifests.index_platforms(index(arm, amd, ATTESTATION, amd, {}, {"platform": None}))

    assert found == ("linux/amd64", "linux/arm64/v8")


@pytest.mark.parametrize(
    "content_type, content, found",
    [
        (OCI_INDEX, b"", OCI_INDEX),
        (f"{DOCKER_LIST.upper()}; charset=utf-8", b"", DOCKER_LIST),
        ("text/plain", json.dumps({"mediaType": DOCKER_MANIFEST}).encode(), DOCKER_MANIFEST),
        ("application/json", b'{"manifests": []}', OCI_INDEX),
        ("", b'{"config": {}}', OCI_MANIFEST),
        ("", b'{"schemaVersion": 1}', SCHEMA_1.replace("prettyjws", "json")),
        ("text/html", b"<html>", ""),
    ],
)
def test_the_media_type_is_the_servers_else_the_contents(
    content_type: str, content: bytes, found: str
) -> None:
    assert manifests.media_type_of(content_type, content) == found


def test_both_forms_of_schema_1_are_known() -> None:
    assert manifests.is_schema_1(SCHEMA_1)
    assert manifests.is_schema_1(manifests.media_type_of("", b'{"schemaVersion": 1}'))
    assert not manifests.is_schema_1(OCI_INDEX)


def test_only_a_whole_digest_is_one() -> None:
    digest = manifests.digest_of(b"")

    assert manifests.proper_digest(digest) == digest
    assert not manifests.proper_digest(digest[:-1])
    assert not manifests.proper_digest(digest.upper())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["manifests", "platform", "os", "architecture", "variant", "config", "digest"]),
            inner,
        )
    ),
)


@given(json_values.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_nonsense_is_no_error(content: bytes) -> None:
    assert all("/" in one for one in manifests.index_platforms(content) + manifests.config_platforms(content))
    assert manifests.config_digest(content) == manifests.proper_digest(manifests.config_digest(content))
    manifests.media_type_of("", content)


def test_deep_nesting_is_no_error() -> None:
    assert manifests.index_platforms(b"[" * 100_000) == ()
