"""From a tag to a digest and platforms, whatever the registry leaves out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.fakes.registry_server import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    GO_ON,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA_1,
    RegistryServer,
    Reply,
    digest_of,
    error_reply,
)
from tests.unit.edges.registry.rig import Rig

from opsctl.edges.registry.limits import Limits
from opsctl.errors import NotInRegistry, RegistryUnavailable
from opsctl.images.resolved import Resolved

BOTH = ("linux/arm64/v8", "linux/amd64")
PATH = "/v2/team/app/manifests/1.0"


@pytest.mark.parametrize("kind", [OCI_INDEX, DOCKER_LIST])
def test_an_index_by_one_head_and_one_get_by_its_digest(rig: Rig, server: RegistryServer, kind: str) -> None:
    digest = server.push("team/app:1.0", platforms=BOTH, index=kind)

    found = rig.resolve(f"{server.host}/team/app:1.0")

    assert found == Resolved(digest, kind, ("linux/amd64", "linux/arm64/v8"))
    assert server.asked == [f"HEAD {PATH}", f"GET /v2/team/app/manifests/{digest}"]
    assert set(server.seen[0].headers["Accept"].split(", ")) == {
        OCI_INDEX,
        OCI_MANIFEST,
        DOCKER_LIST,
        DOCKER_MANIFEST,
    }


@pytest.mark.parametrize("kind", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_a_single_image_has_the_platform_of_its_configuration(
    rig: Rig, server: RegistryServer, kind: str
) -> None:
    digest = server.push("team/app:1.0", platforms=["linux/arm/v7"], manifest=kind)

    assert rig.resolve(f"{server.host}/team/app:1.0") == Resolved(digest, kind, ("linux/arm/v7",))


def test_no_tag_is_latest(rig: Rig, server: RegistryServer) -> None:
    digest = server.push("app:latest")

    assert rig.resolve(f"{server.host}/app").digest == digest


def test_docker_hub_is_asked_at_its_api_host(
    rig: Rig, serve: Callable[..., RegistryServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = rig.authority.leaf("registry-1.docker.io")
    server = serve(leaf)
    rig.servers["registry-1.docker.io", 443] = server.port
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(rig.authority.path))
    digest = server.push("library/redis:8.0")

    assert rig.resolve("redis:8.0").digest == digest
    assert server.asked[0] == "HEAD /v2/library/redis/manifests/8.0"


@pytest.mark.parametrize(
    "head",
    [
        Reply(405),
        Reply(404),
        Reply(headers={"Content-Type": OCI_INDEX}),
        Reply(headers={"Content-Type": OCI_INDEX, "Docker-Content-Digest": "sha256:short"}),
        Reply(headers={"Content-Type": "text/plain", "Docker-Content-Digest": digest_of(b"other")}),
        Reply(headers={"Content-Type": SCHEMA_1, "Docker-Content-Digest": digest_of(b"other")}),
    ],
    ids=["405", "404", "no digest", "half a digest", "another type", "schema 1"],
)
def test_where_head_does_not_tell_the_content_is_counted(
    rig: Rig, server: RegistryServer, head: Reply
) -> None:
    digest = server.push("team/app:1.0", platforms=BOTH)
    server.on(PATH, head, GO_ON)

    assert rig.resolve(f"{server.host}/team/app:1.0") == Resolved(digest, OCI_INDEX, tuple(sorted(BOTH)))
    assert server.asked == [f"HEAD {PATH}", f"GET {PATH}"]


def test_content_without_any_header_is_counted(rig: Rig, server: RegistryServer) -> None:
    digest = server.push("team/app:1.0")
    content = server.manifests["team/app", "1.0"][1]
    server.on(PATH, Reply(body=content))

    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest


def test_schema_1_is_refused_with_a_way_out(rig: Rig, server: RegistryServer) -> None:
    content = json.dumps({"schemaVersion": 1, "signatures": []}).encode()
    server.put("team/app", "1.0", SCHEMA_1, content)

    with pytest.raises(RegistryUnavailable, match="schema 1") as raised:
        rig.resolve(f"{server.host}/team/app:1.0")

    assert raised.value.where == f"{server.host}/team/app:1.0"
    assert "push it again" in raised.value.hint


def test_a_page_of_a_portal_is_no_manifest(rig: Rig, server: RegistryServer) -> None:
    server.on(PATH, Reply(body=b"<html>Log in</html>", headers={"Content-Type": "text/html"}))

    with pytest.raises(RegistryUnavailable, match="no manifest"):
        rig.resolve(f"{server.host}/team/app:1.0")


def test_content_that_does_not_fit_its_digest_is_an_error(rig: Rig, server: RegistryServer) -> None:
    digest = server.push("team/app:1.0", platforms=BOTH)
    changed = Reply(body=b'{"manifests": []}', headers={"Content-Type": OCI_INDEX})
    server.on(f"/v2/team/app/manifests/{digest}", changed)

    with pytest.raises(RegistryUnavailable, match=digest):
        rig.resolve(f"{server.host}/team/app:1.0")


def test_a_whole_answer_that_does_not_fit_its_header_is_an_error(rig: Rig, server: RegistryServer) -> None:
    headers = {"Content-Type": OCI_INDEX, "Docker-Content-Digest": digest_of(b"other")}
    server.on(PATH, Reply(405), Reply(body=b'{"manifests": []}', headers=headers))

    with pytest.raises(RegistryUnavailable, match="something else"):
        rig.resolve(f"{server.host}/team/app:1.0")


def test_a_digest_is_asked_for_rather_than_the_tag(rig: Rig, server: RegistryServer) -> None:
    old = server.push("team/app:1.0", salt="old")
    server.push("team/app:1.0", salt="new")

    assert rig.resolve(f"{server.host}/team/app:1.0@{old}").digest == old


def test_a_digest_that_is_answered_with_another_is_an_error(rig: Rig, server: RegistryServer) -> None:
    digest = server.push("team/app:1.0")
    other = Reply(headers={"Content-Type": OCI_INDEX, "Docker-Content-Digest": digest_of(b"other")})
    server.on(f"/v2/team/app/manifests/{digest}", other)

    with pytest.raises(RegistryUnavailable, match="something else"):
        rig.resolve(f"{server.host}/team/app@{digest}")


def test_a_digest_that_is_gone(rig: Rig, server: RegistryServer) -> None:
    server.push("team/app:1.0")
    gone = digest_of(b"gone")

    with pytest.raises(NotInRegistry, match=f"no image {gone} of it any more") as raised:
        rig.resolve(f"{server.host}/team/app:1.0@{gone}")

    assert raised.value.where == f"{server.host}/team/app@{gone}"
    assert "--update" in raised.value.hint


def test_a_missing_tag_names_the_nearest(rig: Rig, server: RegistryServer) -> None:
    server.push("team/app:1.0.1")
    server.push("team/app:nightly")

    with pytest.raises(NotInRegistry, match=r"no tag '1\.0\.2'") as raised:
        rig.resolve(f"{server.host}/team/app:1.0.2")

    assert raised.value.hint == "did you mean '1.0.1'?"
    assert raised.value.where == f"{server.host}/team/app:1.0.2"


def test_a_missing_repository_is_named(rig: Rig, server: RegistryServer) -> None:
    with pytest.raises(NotInRegistry, match="no repository team/app"):
        rig.resolve(f"{server.host}/team/app:1.0")


def test_a_missing_repository_is_named_where_only_the_list_of_tags_tells(
    rig: Rig, server: RegistryServer
) -> None:
    server.on("/v2/team/app/manifests/1.0", error_reply(404, "MANIFEST_UNKNOWN"))
    server.on("/v2/team/app/tags/list", error_reply(404, "NAME_UNKNOWN"))

    with pytest.raises(NotInRegistry, match="no repository team/app") as raised:
        rig.resolve(f"{server.host}/team/app:1.0")

    assert (raised.value.where, raised.value.hint) == (f"{server.host}/team/app:1.0", "is its name right?")


def test_a_registry_that_lists_no_tags_does_not_spoil_the_answer(rig: Rig, server: RegistryServer) -> None:
    server.push("team/app:1.0")
    server.on("/v2/team/app/tags/list", error_reply(500, "UNKNOWN"))

    with pytest.raises(NotInRegistry, match="no tag '2'"):
        rig.resolve(f"{server.host}/team/app:2")


@pytest.mark.parametrize(
    "spoil",
    [
        Reply(500),
        Reply(breaks=3, body=b"x" * 100),
        Reply(body=b'{"os": "plan9", "architecture": "z80"}'),
        Reply(hangs=True),
        Reply(429, headers={"Retry-After": "9999"}),
    ],
    ids=["500", "broken", "changed", "hangs", "limited"],
)
def test_where_only_the_platforms_cannot_be_had_the_digest_is(
    rig: Rig, server: RegistryServer, spoil: Reply
) -> None:
    rig.limits = replace(rig.limits, read=0.1)
    digest = server.push("team/app:1.0")
    (config,) = server.blobs
    server.on(f"/v2/team/app/blobs/{config[1]}", spoil)

    assert rig.resolve(f"{server.host}/team/app:1.0") == Resolved(digest, OCI_MANIFEST, ())


def test_a_digest_that_is_told_and_not_there_is_not_taken(rig: Rig, server: RegistryServer) -> None:
    digest = server.push("team/app:1.0", platforms=BOTH)
    server.on(f"/v2/team/app/manifests/{digest}", error_reply(404, "MANIFEST_UNKNOWN"))

    with pytest.raises(RegistryUnavailable, match="has nothing of that digest"):
        rig.resolve(f"{server.host}/team/app:1.0")


def test_a_manifest_that_is_no_image_has_no_platform(rig: Rig, server: RegistryServer) -> None:
    digest = server.put("team/chart", "1.0", OCI_MANIFEST, b'{"config": {"digest": "none"}}')

    assert rig.resolve(f"{server.host}/team/chart:1.0") == Resolved(digest, OCI_MANIFEST, ())


def test_a_manifest_beyond_all_measure_is_not_read(rig: Rig, server: RegistryServer) -> None:
    rig.limits = Limits(manifest=2048)
    server.on(PATH, Reply(405), Reply(body=b"x" * 4096))

    with pytest.raises(RegistryUnavailable, match="more than 2 KiB"):
        rig.resolve(f"{server.host}/team/app:1.0")


def test_a_blob_elsewhere_is_fetched_without_the_login(
    rig: Rig, server: RegistryServer, serve: Callable[[], RegistryServer]
) -> None:
    store = serve()
    digest = server.push("team/app:1.0", platforms=["linux/riscv64"])
    ((_, config), content) = server.blobs.popitem()
    server.on(
        f"/v2/team/app/blobs/{config}",
        Reply(307, headers={"Location": f"{store.url}/bucket/one?signature=abc"}),
    )
    store.on("/bucket/one", Reply(302, headers={"Location": "/bucket/two"}))
    store.on("/bucket/two", Reply(body=content))
    server.guard = lambda asked: None if asked.headers.get("Authorization") else _challenge()
    rig.docker_login(server.host, "ann", "canary")

    assert rig.resolve(f"{server.host}/team/app:1.0") == Resolved(digest, OCI_MANIFEST, ("linux/riscv64",))
    assert store.asked == ["GET /bucket/one", "GET /bucket/two"]
    assert not any("Authorization" in asked.headers for asked in store.seen)


def test_a_challenge_from_elsewhere_gets_no_login(
    rig: Rig, server: RegistryServer, serve: Callable[[], RegistryServer]
) -> None:
    store = serve()
    server.on(PATH, Reply(307, headers={"Location": f"{store.url}/elsewhere"}))
    store.on("/elsewhere", _challenge())
    rig.docker_login(server.host, "ann", "canary")

    with pytest.raises(RegistryUnavailable, match="401"):
        rig.resolve(f"{server.host}/team/app:1.0")

    assert store.asked == ["HEAD /elsewhere"]


def test_redirects_within_the_registry_keep_the_login_and_have_an_end(
    rig: Rig, server: RegistryServer
) -> None:
    server.guard = lambda asked: None if asked.headers.get("Authorization") else _challenge()
    rig.docker_login(server.host, "ann", "canary")
    digest = server.push("team/app:1.0")
    server.on(PATH, Reply(307, headers={"Location": "/v2/team/app/manifests/1.1"}))
    server.manifests["team/app", "1.1"] = server.manifests["team/app", "1.0"]
    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest

    server.on(PATH, Reply(307, headers={"Location": PATH}))
    with pytest.raises(RegistryUnavailable, match="redirects more than 5 times"):
        rig.resolve(f"{server.host}/team/app:1.0")


def _challenge() -> Reply:
    return error_reply(401, "UNAUTHORIZED", **{"WWW-Authenticate": "Basic"})
