"""What a real engine says when it is asked about images of real registries (engine 20.10.24, distribution 2.8.2)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from opsctl.edges.connect import open_connection
from opsctl.edges.engine.api import HttpEngine
from opsctl.edges.local.connection import LocalDoor
from opsctl.edges.ports import Connection
from opsctl.errors import CouldNotFindOut, NotInRegistry, RegistryUnavailable
from opsctl.flows.engine_registry import EngineRegistry, engine_auth
from opsctl.images.credentials import Credentials
from opsctl.model.hosts import Environment, Host
from opsctl.model.references import parse_reference
from tests.lab.canaries import Canaries
from tests.lab.machines.layout import MACHINE_ADDRESS
from tests.lab.private import private_registry, silent_registry
from tests.lab.site import CHECKOUT, Site

PASSWORD = "pr1v4te-c4n4ry+/=?>~ü"
NONE = "sha256:" + "0" * 64


@pytest.fixture
def connection(site: Site) -> Iterator[Connection]:
    host = Host.model_validate(
        {
            "addresses": (site.host().address,),
            "user": "root",
            "ssh_config": "none",
            "identity_files": (str(site.host().client_key),),
        }
    )
    environment = Environment(hosts=("lab-app",), known_hosts=f"{CHECKOUT}/.lab/known_hosts")
    opened = open_connection("lab-app", host, environment, site.root, directory="/opt/x")
    yield opened
    opened.close()


@pytest.fixture
def private(site: Site) -> Iterator[str]:
    with private_registry(site.root.parent / "private", "ann", PASSWORD) as address:
        yield address


def registry(connection: Connection, credentials: Credentials | None = None) -> EngineRegistry:
    return EngineRegistry(
        connection.engine, "lab-app", lambda name: engine_auth(name, credentials) if credentials else ""
    )


def test_the_digest_that_the_registry_has(site: Site, connection: Connection) -> None:
    for image in (site.lab.image("sleeper"), "sleeper:1.0.0", "docker.io/library/sleeper:1.0.0"):
        found = registry(connection).resolve(parse_reference(image))

        assert found.digest == site.lab.digest("lab/sleeper:1.0.0")
        assert found.platforms == ("linux/amd64",)
        assert found.media_type == "application/vnd.docker.distribution.manifest.v2+json"
        pinned = parse_reference(image).pinned(found.digest)
        assert registry(connection).resolve(pinned) == found


@pytest.mark.parametrize("image", ["sleeper:nope", "sleeper", "nope:1.0.0", f"sleeper@{NONE}"])
def test_what_the_registry_does_not_have(site: Site, connection: Connection, image: str) -> None:
    with pytest.raises(NotInRegistry, match=f"{site.lab.registry} has no {site.lab.registry}/lab/"):
        registry(connection).resolve(parse_reference(f"{site.lab.registry}/lab/{image}"))


def test_a_private_registry(site: Site, connection: Connection, private: str) -> None:
    image = parse_reference(f"{private}/lab/sleeper:1.0.0")

    with pytest.raises(RegistryUnavailable, match="no basic auth credentials") as none:
        registry(connection).resolve(image)
    with pytest.raises(RegistryUnavailable, match="unauthorized") as wrong:
        registry(connection, Credentials("ann", PASSWORD + "x")).resolve(image)
    right = registry(connection, Credentials("ann", PASSWORD)).resolve(image)

    assert right.digest == site.lab.digest("lab/sleeper:1.0.0")
    assert "login = {…}" in none.value.hint == wrong.value.hint
    assert not Canaries({"password": PASSWORD}).leaks(f"{none.value} {wrong.value}")
    with pytest.raises(NotInRegistry):
        registry(connection, Credentials("ann", PASSWORD)).resolve(
            parse_reference(f"{private}/lab/nope:1.0.0")
        )


@pytest.mark.parametrize(
    "name,said", [(f"{MACHINE_ADDRESS}:9", "connection refused"), ("nowhere.invalid", "dial tcp")]
)
def test_a_registry_that_nobody_serves(connection: Connection, name: str, said: str) -> None:
    with pytest.raises(RegistryUnavailable, match=said) as error:
        registry(connection).resolve(parse_reference(f"{name}/lab/sleeper:1.0.0"))

    assert error.value.where == "lab-app"
    assert "can lab-app reach the registry?" in error.value.hint


def test_a_registry_that_hangs_holds_up_nobody_else(site: Site) -> None:
    door = LocalDoor("lab-app", str(site.host().docker_socket), lambda kind: None)
    engine = HttpEngine(door, patience=1.0)
    began = time.monotonic()

    with silent_registry() as address, pytest.raises(RegistryUnavailable, match="its registry hangs"):
        EngineRegistry(engine, "lab-app", lambda name: "").resolve(parse_reference(f"{address}/lab/x:1"))

    assert time.monotonic() - began < 5
    assert engine.get("/version")
    engine.release()


def test_what_is_no_reference(connection: Connection) -> None:
    with pytest.raises(CouldNotFindOut, match="repository name must be lowercase"):
        connection.engine.distribution("lab/Sleeper:1")
