"""TLS or not, proxies, names, and what must stay out of it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.certificates import Authority, Leaf
from tests.fakes.proxy import Proxy
from tests.fakes.registry_server import RegistryServer, Reply
from tests.unit.edges.registry.rig import PASSWORD, Rig, with_basic

from opsctl.edges.registry.endpoints import is_loopback
from opsctl.errors import RegistryUnavailable
from opsctl.model.hosts import Registry

Serve = Callable[..., RegistryServer]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as started:
        yield started


def name_of(server: RegistryServer) -> str:
    return f"registry.test:{server.port}"


def refusal(rig: Rig, image: str) -> RegistryUnavailable:
    with pytest.raises(RegistryUnavailable) as raised:
        rig.resolve(image)
    return raised.value


def test_a_certificate_of_an_authority_in_ca_file(rig: Rig, serve: Serve, leaf: Leaf) -> None:
    server = serve(leaf)
    digest = server.push("team/app:1.0")
    (rig.root / "ca.pem").write_bytes(rig.authority.path.read_bytes())
    rig.registries[name_of(server)] = Registry(ca_file="ca.pem")

    assert rig.resolve(f"{name_of(server)}/team/app:1.0").digest == digest


def test_an_unknown_authority(rig: Rig, serve: Serve, leaf: Leaf) -> None:
    server = serve(leaf)

    error = refusal(rig, f"{name_of(server)}/team/app:1.0")

    assert "a certificate that nobody here trusts" in error.message
    assert "ca_file" in error.hint
    assert not server.seen


@pytest.mark.parametrize(
    "names, days, words",
    [
        (["other.test"], (-1, 30), "a certificate for another name"),
        (["registry.test"], (-30, -1), "a certificate that has expired"),
        (["registry.test"], (1, 30), "a certificate that is not valid yet"),
    ],
)
def test_a_certificate_that_does_not_fit(
    rig: Rig, serve: Serve, names: list[str], days: tuple[int, int], words: str
) -> None:
    server = serve(rig.authority.leaf(*names, days=days))
    rig.registries[name_of(server)] = Registry(ca_file=str(rig.authority.path))

    error = refusal(rig, f"{name_of(server)}/team/app:1.0")

    assert words in error.message
    assert error.hint


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_is_none(rig: Rig, serve: Serve, leaf: Leaf, content: str | None) -> None:
    server = serve(leaf)
    rig.registries[name_of(server)] = Registry(ca_file="mine.pem")
    if content:
        (rig.root / "mine.pem").write_text(content)

    error = refusal(rig, f"{name_of(server)}/team/app:1.0")

    assert "ca_file" in error.message


def test_a_foreign_authority_in_ca_file_does_not_let_others_in(
    rig: Rig, serve: Serve, leaf: Leaf, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = serve(leaf)
    other = Authority(tmp_path_factory.mktemp("other"))
    rig.registries[name_of(server)] = Registry(ca_file=str(other.path))

    assert "trusts" in refusal(rig, f"{name_of(server)}/team/app:1.0").message


def test_plain_http_is_never_tried_where_it_is_not_allowed(rig: Rig, server: RegistryServer) -> None:
    server.push("team/app:1.0")
    name = name_of(server)

    error = refusal(rig, f"{name}/team/app:1.0")

    assert "does not speak TLS" in error.message
    assert f'insecure = true under [registries."{name}"]' in error.hint
    assert not server.seen


def test_insecure_speaks_plain_http_where_there_is_no_tls_and_finds_out_once(
    rig: Rig, server: RegistryServer
) -> None:
    digest = server.push("team/app:1.0")
    name = name_of(server)
    rig.registries[name] = Registry(insecure=True)

    assert rig.resolve(f"{name}/team/app:1.0").digest == digest
    connections = server.connections
    rig.resolve(f"{name}/team/app:1.0")
    assert server.connections == connections == 2


def test_insecure_speaks_tls_where_there_is_some_and_trusts_anybody(
    rig: Rig, serve: Serve, leaf: Leaf
) -> None:
    server = serve(leaf)
    digest = server.push("team/app:1.0")
    rig.registries[name_of(server)] = Registry(insecure=True)

    assert rig.resolve(f"{name_of(server)}/team/app:1.0").digest == digest


def test_insecure_on_the_usual_ports(rig: Rig, server: RegistryServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    digest = server.push("team/app:1.0")
    rig.servers = {("registry.test", 443): port, ("registry.test", 80): server.port}
    rig.registries["registry.test"] = Registry(insecure=True)

    assert rig.resolve("registry.test/team/app:1.0").digest == digest


@pytest.mark.parametrize(
    "name, itself",
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("localhost.test", False)],
)
def test_this_machine_is_insecure_as_for_docker(name: str, *, itself: bool) -> None:
    assert is_loopback(name) is itself


def test_this_machine_with_tls_of_an_unknown_authority(rig: Rig, serve: Serve, leaf: Leaf) -> None:
    server = serve(leaf)
    digest = server.push("team/app:1.0")

    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest
    assert rig.resolve(f"localhost:{server.port}/team/app:1.0").digest == digest


def test_a_name_that_nobody_knows(rig: Rig) -> None:
    assert "has no address" in refusal(rig, "registry.invalid/team/app:1.0").message


def test_nobody_listens(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    assert "refuses the connection" in refusal(rig, f"registry.test:{port}/team/app:1.0").message


def test_a_redirect_to_plain_http_is_not_followed(
    rig: Rig, serve: Serve, leaf: Leaf, server: RegistryServer
) -> None:
    registry = serve(leaf)
    registry.on("/v2/team/app/manifests/1.0", Reply(307, headers={"Location": f"{server.url}/elsewhere"}))
    rig.registries[name_of(registry)] = Registry(ca_file=str(rig.authority.path))

    error = refusal(rig, f"{name_of(registry)}/team/app:1.0")

    assert "plain HTTP" in error.message
    assert not server.seen


def test_a_redirect_to_who_is_not_there_names_both(rig: Rig, server: RegistryServer) -> None:
    server.on(
        "/v2/team/app/manifests/1.0", Reply(307, headers={"Location": "https://store.invalid/x?sign=canary"})
    )

    error = refusal(rig, f"{server.host}/team/app:1.0")

    assert f"{server.host} sends us on to store.invalid, which has no address" in error.message
    assert "canary" not in str(error)


def test_proxies_of_the_environment_are_used(
    rig: Rig, serve: Serve, leaf: Leaf, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//ann:canary@"))
    secure, plain = serve(leaf), serve()
    digests = [server.push("team/app:1.0") for server in (secure, plain)]
    # A name that only the proxy knows.
    names = [f"registry.test:{secure.port}", f"registry.far:{plain.port}"]
    rig.registries = {
        names[0]: Registry(ca_file=str(rig.authority.path)),
        names[1]: Registry(insecure=True),
    }

    assert [rig.resolve(f"{name}/team/app:1.0").digest for name in names] == digests
    assert proxy.asked[0] == f"CONNECT {names[0]}"
    assert f"HEAD http://{names[1]}/v2/team/app/manifests/1.0" in proxy.asked
    assert not any("Proxy-Authorization" in asked.headers for asked in plain.seen)


def test_no_proxy_and_this_machine_are_asked_straight(
    rig: Rig, serve: Serve, server: RegistryServer, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("NO_PROXY", "registry.test,10.0.0.0/8")
    server.push("team/app:1.0")
    rig.registries[name_of(server)] = Registry(insecure=True)

    rig.resolve(f"{name_of(server)}/team/app:1.0")
    rig.resolve(f"{server.host}/team/app:1.0")

    assert not proxy.asked


@pytest.mark.parametrize("kind", ["nobody", "socks"])
def test_a_proxy_that_does_not_work_is_named_without_its_password(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    scheme = "http" if kind == "nobody" else "socks5"
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://ann:{PASSWORD}@127.0.0.1:{port}")

    error = refusal(rig, "registry.test/team/app:1.0")

    assert "proxy" in error.message
    assert "HTTPS_PROXY" in error.hint
    assert PASSWORD not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None


def test_netrc_and_cookies_stay_out_of_it(
    rig: Rig, server: RegistryServer, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = Path(rig.root / "netrc")
    netrc.write_text(f"machine 127.0.0.1 login ann password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(rig.root))
    store = serve()
    server.push("team/app:1.0")
    ((_, config), content) = server.blobs.popitem()
    target = {"Location": f"{store.url}/blob", "Set-Cookie": "a=b"}
    server.on(f"/v2/team/app/blobs/{config}", Reply(307, headers=target))
    store.on("/blob", Reply(body=content, headers={"Set-Cookie": "a=b"}))

    for _ in range(2):
        assert rig.resolve(f"{server.host}/team/app:1.0").platforms == ("linux/amd64",)

    headers = [name for asked in server.seen + store.seen for name in asked.headers]
    assert not {"Authorization", "Cookie"} & set(headers)


def test_a_login_over_an_insecure_registry_goes_in_plain_http_as_with_docker(
    rig: Rig, server: RegistryServer
) -> None:
    with_basic(server, "ann", PASSWORD)
    rig.docker_login(name_of(server), "ann", PASSWORD)
    rig.registries[name_of(server)] = Registry(insecure=True)
    digest = server.push("team/app:1.0")

    assert rig.resolve(f"{name_of(server)}/team/app:1.0").digest == digest
