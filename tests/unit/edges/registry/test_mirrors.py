"""Mirrors are asked first, and none of them can stand in the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.fakes.registry_server import OCI_INDEX, RegistryServer, Reply, digest_of
from tests.unit.edges.registry.rig import PASSWORD, Rig, with_basic

from opsctl.errors import NotInRegistry, RegistryUnavailable
from opsctl.images.credentials import Credentials
from opsctl.model.hosts import Registry

Serve = Callable[..., RegistryServer]


@pytest.fixture
def first(serve: Serve) -> RegistryServer:
    return serve()


@pytest.fixture
def second(serve: Serve) -> RegistryServer:
    return serve()


@pytest.fixture
def name(rig: Rig, first: RegistryServer, second: RegistryServer, server: RegistryServer) -> str:
    """The registry, insecure, with two mirrors; the second keeps its copies in a folder."""
    name = f"registry.test:{server.port}"
    rig.registries[name] = Registry(mirrors=(first.host, f"{second.host}/copies/of"), insecure=True)
    return name


def test_the_first_mirror_that_has_it_answers(
    rig: Rig, name: str, first: RegistryServer, second: RegistryServer, server: RegistryServer
) -> None:
    server.push("team/app:1.0", salt="registry")
    digest = second.push("copies/of/team/app:1.0", salt="mirror")

    assert rig.resolve(f"{name}/team/app:1.0").digest == digest
    assert first.asked[:2] == ["HEAD /v2/team/app/manifests/1.0", "GET /v2/team/app/manifests/1.0"]
    assert not server.seen


@pytest.mark.parametrize(
    "spoil",
    [
        Reply(404),
        Reply(401),
        Reply(500),
        Reply(429, headers={"Retry-After": "1"}),
        Reply(503),
        Reply(hangs=True),
        Reply(raw=b"SSH-2.0-OpenSSH\r\n"),
    ],
    ids=["404", "401", "500", "429", "503", "hangs", "no HTTP"],
)
def test_a_mirror_gives_way(
    rig: Rig, name: str, first: RegistryServer, server: RegistryServer, spoil: Reply
) -> None:
    rig.limits = replace(rig.limits, read=0.2)
    first.on("/v2/team/app/manifests/1.0", spoil)
    digest = server.push("team/app:1.0")

    assert rig.resolve(f"{name}/team/app:1.0").digest == digest
    assert not rig.told


def test_a_silent_mirror_is_waited_for_once(
    rig: Rig, name: str, first: RegistryServer, server: RegistryServer
) -> None:
    rig.limits = replace(rig.limits, read=0.2)
    first.guard = lambda asked: Reply(hangs=True)
    server.push("team/app:1.0")
    server.push("team/web:1.0")

    rig.resolve(f"{name}/team/app:1.0")
    asked = len(first.seen)
    rig.resolve(f"{name}/team/web:1.0")

    assert len(first.seen) == asked == 1


def test_where_all_fail_the_registrys_error_counts_and_the_mirrors_are_named(
    rig: Rig, name: str, first: RegistryServer, second: RegistryServer, server: RegistryServer
) -> None:
    first.on("/v2/team/app/manifests/1.0", Reply(500))

    with pytest.raises(NotInRegistry) as raised:
        rig.resolve(f"{name}/team/app:1.0")

    assert raised.value.where == f"{name}/team/app:1.0"
    assert raised.value.evidence == (
        f"mirror {first.host}: {first.host} answered 500",
        f"mirror {second.host}/copies/of: {second.host}/copies/of has no repository copies/of/team/app",
    )


def test_a_digest_from_a_mirror_is_counted(
    rig: Rig, name: str, first: RegistryServer, server: RegistryServer
) -> None:
    digest = server.push("team/app:1.0", platforms=["linux/amd64", "linux/arm64"])
    first.put("team/app", "1.0", OCI_INDEX, b'{"manifests": []}')
    lying = {"Content-Type": OCI_INDEX, "Docker-Content-Digest": digest}
    first.on(f"/v2/team/app/manifests/{digest}", Reply(headers=lying, body=b'{"manifests": []}'))

    found = rig.resolve(f"{name}/team/app@{digest}")

    assert found.platforms == ("linux/amd64", "linux/arm64")
    assert f"HEAD /v2/team/app/manifests/{digest}" in server.asked
    assert digest_of(b'{"manifests": []}') != digest


def test_a_mirror_has_its_own_login(rig: Rig, name: str, first: RegistryServer) -> None:
    with_basic(first, "ann", PASSWORD)
    rig.logins = {first.host: Credentials("ann", PASSWORD), name: Credentials("eve", "other")}
    digest = first.push("team/app:1.0")

    assert rig.resolve(f"{name}/team/app:1.0").digest == digest
    assert rig.asked_for == [first.host]


def test_tags_come_from_a_mirror_too(rig: Rig, name: str, second: RegistryServer) -> None:
    second.push("copies/of/team/app:1.0")

    assert rig.tags(f"{name}/team/app") == ["1.0"]


def test_a_mirror_is_verified_by_its_own_entry(rig: Rig, serve: Serve, server: RegistryServer) -> None:
    mirror = serve(rig.authority.leaf("mirror.test"))
    mirror_name = f"mirror.test:{mirror.port}"
    name = f"registry.test:{server.port}"
    rig.registries[name] = Registry(mirrors=(mirror_name,), insecure=True)
    mirror.push("team/app:1.0")
    with pytest.raises(NotInRegistry) as raised:
        rig.resolve(f"{name}/team/app:1.0")
    assert "certificate" in raised.value.evidence[0]

    rig.registries[mirror_name] = Registry(ca_file=str(rig.authority.path))
    rig.client()
    assert rig.resolve(f"{name}/team/app:1.0").digest


def test_a_registry_that_is_away_is_told_beside_a_mirror_that_lacks_it(
    rig: Rig, first: RegistryServer
) -> None:
    rig.registries["away.example"] = Registry(mirrors=(first.host,))

    with pytest.raises(RegistryUnavailable, match="has no address") as raised:
        rig.resolve("away.example/team/app:1.0")

    assert raised.value.evidence == (f"mirror {first.host}: {first.host} has no repository team/app",)
