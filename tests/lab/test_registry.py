"""The client of registries against real ones (distribution 2.8.2), each answer held against the bytes themselves."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opsctl.edges.clock import SystemClock
from opsctl.edges.registry.client import HttpRegistry
from opsctl.edges.registry.limits import Limits
from opsctl.edges.registry.manifests import MEDIA_TYPES
from opsctl.errors import NotInRegistry, RegistryUnavailable
from opsctl.images.credentials import Credentials
from opsctl.images.resolved import Resolved
from opsctl.model.hosts import Registry
from opsctl.model.references import parse_reference
from tests.fakes.certificates import Authority, Leaf
from tests.fakes.registry_server import Asked, Reply
from tests.lab.machines import Lab
from tests.lab.machines.layout import MACHINE_ADDRESS
from tests.lab.machines.registry import STORAGE
from tests.lab.registries import basic, front, raw, served, token_server, unused_port
from tests.lab.repository import INDEX, MANIFEST, Repository, digest_of

PASSWORD = "canary-pä$$ word"
USERS = {"ann": PASSWORD}
NAME = "team/app"
IMAGES = 30
THREADS = 8
LATENCY = 0.05
"""Seconds, for each request."""


@dataclass(frozen=True)
class Content:
    """One storage with the lab's images and a repository of ours, behind an open registry."""

    storage: Path
    repository: Repository
    single: str
    index: str

    @property
    def registry(self) -> str:
        return self.repository.registry


@pytest.fixture(scope="module")
def content(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Content]:
    folder = tmp_path_factory.mktemp("registry")
    storage = folder / "storage"
    shutil.copytree(STORAGE, storage)
    with served(folder, storage) as name:
        repository = Repository(name, NAME)
        single = repository.copy("lab/sleeper", "1.0.0", "single")
        foreign = repository.variant("single", "foreign", "foreign", architecture="arm64")
        index = repository.index({"linux/arm64": foreign, "linux/amd64": single}, "1.0.0")
        yield Content(storage, repository, single, index)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Leaf:
    return authority.leaf(MACHINE_ADDRESS)


@dataclass
class Rig:
    root: Path
    registries: dict[str, Registry] = field(default_factory=dict)
    logins: dict[str, Credentials] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    told: list[float] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)

    def client(self) -> HttpRegistry:
        made = HttpRegistry(
            self.registries,
            root=self.root,
            login=self.logins.get,
            environ={"HOME": str(self.root)},
            clock=SystemClock(),
            tell=lambda _, seconds: self.told.append(seconds),
            limits=self.limits,
        )
        return self.stack.enter_context(made)

    def resolve(self, image: str) -> Resolved:
        return self.client().resolve(parse_reference(image))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    with made.stack:
        yield made


def insecure(*names: str) -> dict[str, Registry]:
    return {name: Registry(insecure=True) for name in names}


def counted(registry: str, repository: str, tag: str) -> str:
    """The digest of the bytes."""
    return digest_of(raw(registry, f"/v2/{repository}/manifests/{tag}", accept=", ".join(MEDIA_TYPES))[1])


BOTH = ("linux/amd64", "linux/arm64")


def test_an_index_and_a_single_image_have_the_digests_of_their_bytes(rig: Rig, content: Content) -> None:
    rig.registries = insecure(content.registry)

    index, single = (rig.resolve(f"{content.registry}/{NAME}:{tag}") for tag in ("1.0.0", "single"))

    assert index == Resolved(counted(content.registry, NAME, "1.0.0"), INDEX, BOTH)
    assert single == Resolved(counted(content.registry, NAME, "single"), MANIFEST, ("linux/amd64",))
    assert (index.digest, single.digest) == (content.index, content.single)


def test_a_host_pulls_and_runs_what_the_digest_names(rig: Rig, content: Content, lab: Lab) -> None:
    rig.registries = insecure(content.registry)
    host = lab.host("lab-app")
    image = f"{content.registry}/{NAME}@{rig.resolve(f'{content.registry}/{NAME}:1.0.0').digest}"

    with host.reserved():
        try:
            host.docker("pull", "--quiet", image)
            (found,) = json.loads(host.docker("image", "inspect", image))
            ran = host.docker("run", "--rm", "--entrypoint", "/bin/true", image)
        finally:
            host.run(["docker", "rmi", image], check=False)

    assert image in found["RepoDigests"]
    assert found["Architecture"] == "amd64"
    assert ran == ""


def test_the_schema_1_trap(rig: Rig, content: Content) -> None:
    """Asked without Accept, the registry makes up an older form of the manifest, with another digest."""
    rig.registries = insecure(content.registry)
    headers, _ = raw(content.registry, f"/v2/{NAME}/manifests/single", method="HEAD")
    trap = headers["Docker-Content-Digest"]

    found = rig.resolve(f"{content.registry}/{NAME}:single").digest

    assert "manifest.v1" in headers["Content-Type"]
    assert found == counted(content.registry, NAME, "single") != trap


def test_a_tag_that_moves(rig: Rig, content: Content) -> None:
    rig.registries = insecure(content.registry)
    client = rig.client()
    image = parse_reference(f"{content.registry}/{NAME}:moving")
    found = []
    for word in ("one", "two"):
        pushed = content.repository.variant("single", word, "moving")
        found.append(client.resolve(image).digest)
        assert found[-1] == pushed == counted(content.registry, NAME, "moving")

    assert len(set(found)) == 2
    assert client.resolve(image.pinned(found[0])).digest == found[0]


def test_a_digest_that_vanished(rig: Rig, content: Content) -> None:
    rig.registries = insecure(content.registry)
    gone = content.repository.variant("single", "gone", "vanishing")
    image = f"{content.registry}/{NAME}:vanishing"
    assert rig.resolve(f"{image}@{gone}").digest == gone

    content.repository.delete(gone)

    with pytest.raises(NotInRegistry, match=f"no image {gone} of it any more"):
        rig.resolve(f"{image}@{gone}")
    with pytest.raises(NotInRegistry, match="no tag 'vanishing'"):
        rig.resolve(image)


def test_a_missing_tag_and_a_missing_repository(rig: Rig, content: Content) -> None:
    rig.registries = insecure(content.registry)

    with pytest.raises(NotInRegistry) as missing:
        rig.resolve(f"{content.registry}/{NAME}:1.0.00")
    with pytest.raises(NotInRegistry, match="no repository team/nothing"):
        rig.client().tags(parse_reference(f"{content.registry}/team/nothing"))

    assert missing.value.hint == "did you mean '1.0.0'?"


def test_tags_of_more_than_one_page(rig: Rig, content: Content) -> None:
    """Debian's 2.8.2 ignores n, so a page ends before it where a server in front cuts it."""
    rig.registries = insecure(content.registry)
    tags = rig.client().tags(parse_reference(f"{content.registry}/{NAME}"))
    assert {"1.0.0", "single", "foreign"} <= set(tags)

    def pages(asked: Asked) -> Reply | None:
        if not asked.path.endswith("/tags/list"):
            return None
        at = int(asked.query.get("last", ["0"])[0])
        link = {} if at + 1 >= len(tags) else {"Link": f'<{asked.path}?last={at + 1}&n=1>; rel="next"'}
        return Reply(body=json.dumps({"name": NAME, "tags": [tags[at]]}).encode(), headers=link)

    with front(content.registry, pages) as server:
        rig.registries = insecure(server.host)
        assert rig.client().tags(parse_reference(f"{server.host}/{NAME}")) == tags
        assert len(server.seen) >= len(tags)


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("by", ["docker's config", "hosts.toml"])
def test_basic(
    rig: Rig, content: Content, authority: Authority, leaf: Leaf, by: str, *, over_tls: bool
) -> None:
    auth = basic(rig.root / "basic", USERS)
    tls = leaf if over_tls else None
    with served(rig.root / "basic", content.storage, auth=auth, tls=tls) as name:
        rig.registries[name] = Registry(ca_file=str(authority.path)) if over_tls else Registry(insecure=True)
        login(rig, name, by, PASSWORD)
        assert rig.resolve(f"{name}/{NAME}:1.0.0") == Resolved(content.index, INDEX, BOTH)

        login(rig, name, by, "wrong-canary")
        refused(rig, f"{name}/{NAME}:1.0.0", "logged in as ann")
        rig.logins.clear()
        (rig.root / ".docker" / "config.json").unlink(missing_ok=True)
        refused(rig, f"{name}/{NAME}:1.0.0", "not logged in")


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("by", ["docker's config", "hosts.toml"])
def test_bearer(
    rig: Rig, content: Content, authority: Authority, leaf: Leaf, by: str, *, over_tls: bool
) -> None:
    tls = leaf if over_tls else None
    enter = rig.stack.enter_context
    tokens = enter(token_server(rig.root / "tokens", USERS, public=frozenset({"lab/whoami"}), tls=tls))
    name = enter(served(rig.root / "bearer", content.storage, auth=tokens.auth, tls=tls))
    rig.registries[name] = Registry(ca_file=str(authority.path)) if over_tls else Registry(insecure=True)
    public = f"{name}/lab/whoami:1.0.0"
    assert rig.resolve(public).digest == counted(content.registry, "lab/whoami", "1.0.0")
    assert not any("Authorization" in asked.headers for asked in tokens.seen)
    refused(rig, f"{name}/{NAME}:1.0.0", "not logged in")

    login(rig, name, by, PASSWORD)
    client = rig.client()
    assert client.resolve(parse_reference(f"{name}/{NAME}:1.0.0")) == Resolved(content.index, INDEX, BOTH)
    assert "1.0.0" in client.tags(parse_reference(f"{name}/{NAME}"))
    assert tokens.seen[-1].query["scope"] == [f"repository:{NAME}:pull"]

    login(rig, name, by, "wrong-canary")
    refused(rig, public, "token server answered 401: UNAUTHORIZED: wrong password; logged in as ann")


def login(rig: Rig, name: str, by: str, password: str) -> None:
    if by == "hosts.toml":
        rig.logins[name] = Credentials("ann", password)
        return
    path = rig.root / ".docker" / "config.json"
    path.parent.mkdir(exist_ok=True)
    pair = base64.b64encode(f"ann:{password}".encode()).decode()
    path.write_text(json.dumps({"auths": {name: {"auth": pair}}}))


def refused(rig: Rig, image: str, words: str) -> None:
    with pytest.raises(RegistryUnavailable, match="does not let us see it") as raised:
        rig.resolve(image)
    assert words in raised.value.message
    assert "docker login" in raised.value.hint
    assert "canary" not in str(raised.value) + repr(vars(raised.value))
    assert raised.value.where == image


def test_the_login_of_a_host_and_ours_agree(rig: Rig, content: Content, lab: Lab) -> None:
    """The engine believes the same token server, so that both rigs are real."""
    enter = rig.stack.enter_context
    tokens = enter(token_server(rig.root / "tokens", USERS))
    name = enter(served(rig.root / "bearer", content.storage, auth=tokens.auth))
    host = lab.host("lab-app")
    image = f"{name}/{NAME}@{content.index}"

    with host.reserved():
        try:
            words = ["docker", "login", "--username", "ann", "--password-stdin", name]
            host.run(words, stdin=PASSWORD.encode())
            host.docker("pull", "--quiet", image)
            (found,) = json.loads(host.docker("image", "inspect", image))
        finally:
            host.run(["docker", "logout", name], check=False)
            host.run(["docker", "rmi", image], check=False)

    assert image in found["RepoDigests"]


def test_a_limit_of_rate_is_waited_for(rig: Rig, content: Content) -> None:
    first = [Reply(429, headers={"Retry-After": "1"})]

    with front(content.registry, lambda asked: first.pop() if first else None) as server:
        rig.registries = insecure(server.host)
        begun = time.monotonic()
        found = rig.resolve(f"{server.host}/{NAME}:1.0.0")

    assert found.digest == content.index
    assert time.monotonic() - begun >= 0.9
    assert rig.told == [pytest.approx(1, abs=0.1)]


def test_a_limit_of_rate_for_hours_is_told(rig: Rig, content: Content) -> None:
    limited = Reply(429, headers={"Retry-After": "21600", "ratelimit-limit": "100;w=21600"})

    with front(content.registry, lambda asked: limited) as server:
        rig.registries = insecure(server.host)
        with pytest.raises(RegistryUnavailable, match=r"100 in 6 h\); it may be asked again in 6 h, at 20"):
            rig.resolve(f"{server.host}/{NAME}:1.0.0")


def test_a_registry_that_hangs(rig: Rig, content: Content) -> None:
    rig.limits = Limits(read=0.5)

    with front(content.registry, lambda asked: Reply(hangs=True)) as server:
        rig.registries = insecure(server.host)
        with pytest.raises(RegistryUnavailable, match=r"did not answer within 0\.5 s"):
            rig.resolve(f"{server.host}/{NAME}:1.0.0")


def test_tls_of_an_unknown_authority_and_none_at_all(rig: Rig, content: Content, leaf: Leaf) -> None:
    with served(rig.root / "tls", content.storage, tls=leaf) as name:
        with pytest.raises(RegistryUnavailable, match="nobody here trusts") as raised:
            rig.resolve(f"{name}/{NAME}:1.0.0")
        assert "ca_file" in raised.value.hint
        rig.registries = insecure(name)
        assert rig.resolve(f"{name}/{NAME}:1.0.0").digest == content.index

    with pytest.raises(RegistryUnavailable, match="does not speak TLS") as raised:
        rig.resolve(f"{content.registry}/{NAME}:1.0.0")
    assert f'insecure = true under [registries."{content.registry}"]' in raised.value.hint


def test_nobody_there(rig: Rig) -> None:
    with pytest.raises(RegistryUnavailable, match="refuses the connection"):
        rig.resolve(f"{MACHINE_ADDRESS}:{unused_port()}/{NAME}:1.0.0")


def test_the_lab_registry_as_a_mirror_of_docker_hub(rig: Rig, lab: Lab) -> None:
    """Docker Hub itself is asked by no test: everything that is asked for is in the mirror."""
    rig.registries = {"docker.io": Registry(mirrors=(lab.registry,)), **insecure(lab.registry)}
    version = lab.image("redis").rpartition(":")[2]

    assert rig.resolve(f"redis:{version}").digest == lab.digest(f"library/redis:{version}")
    assert version in rig.client().tags(parse_reference("redis"))


def test_thirty_images_at_once(
    rig: Rig, content: Content, record_property: Callable[[str, Any], None]
) -> None:
    names = [f"{NAME}:many{number}" for number in range(IMAGES)]
    digests = [
        content.repository.variant("single", f"many {number}", f"many{number}") for number in range(IMAGES)
    ]

    def late(asked: Asked) -> None:
        time.sleep(LATENCY)

    with front(content.registry, late) as server:
        rig.registries = insecure(server.host)
        images = [f"{server.host}/{name}" for name in names]
        one_by_one, found = timed(rig, images, 1)
        at_once, found_at_once = timed(rig, images, THREADS)

    ratio = one_by_one / at_once
    record_property("ratio", round(ratio, 2))
    print(f"one by one {one_by_one:.2f} s, {THREADS} threads {at_once:.2f} s, ratio {ratio:.1f}")
    assert found == found_at_once == digests
    assert ratio >= 3


def timed(rig: Rig, images: Sequence[str], threads: int) -> tuple[float, list[str]]:
    client = rig.client()
    begun = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda image: client.resolve(parse_reference(image)).digest, images))
    return time.monotonic() - begun, found
