"""Who we are, to whom we say it, and that nobody else hears of it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.registry_server import Asked, RegistryServer, Reply, error_reply, json_reply
from tests.unit.edges.registry.rig import PASSWORD, Rig, pair, with_basic, with_tokens

from opsctl.edges.registry.logins import Login
from opsctl.errors import RegistryUnavailable, UsageError
from opsctl.images.credentials import Credentials
from opsctl.model.hosts import Registry

Serve = Callable[..., RegistryServer]


def token_requests(server: RegistryServer) -> list[Asked]:
    return [asked for asked in server.seen if asked.path == "/token"]


def refusal(rig: Rig, image: str) -> RegistryUnavailable:
    with pytest.raises(RegistryUnavailable) as raised:
        rig.resolve(image)
    return raised.value


def test_anybody_gets_a_token_where_the_registry_gives_it_to_anybody(
    rig: Rig, server: RegistryServer
) -> None:
    tokens = with_tokens(server)
    digest = server.push("team/app:1.0")

    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest

    (asked,) = token_requests(server)
    assert asked.query == {"service": ["the, service"], "scope": ["repository:team/app:pull"]}
    assert "Authorization" not in asked.headers
    assert rig.asked_for == [server.host]
    assert len(tokens.given) == 1


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_a_token_serves_until_shortly_before_its_end(rig: Rig, server: RegistryServer, key: str) -> None:
    tokens = with_tokens(server)
    tokens.key = key
    server.push("team/app:1.0")
    rig.resolve(f"{server.host}/team/app:1.0")

    rig.clock.time += 285
    rig.resolve(f"{server.host}/team/app:1.0")
    assert len(tokens.given) == 1

    rig.clock.time += 10
    rig.resolve(f"{server.host}/team/app:1.0")
    assert len(tokens.given) == 2


@pytest.mark.parametrize("expires", [None, "soon", 0, -1, True])
def test_a_token_without_an_end_serves_a_minute(rig: Rig, server: RegistryServer, expires: object) -> None:
    tokens = with_tokens(server)
    tokens.expires = expires
    server.push("team/app:1.0")
    for seconds, given in ((0, 1), (45, 1), (10, 2)):
        rig.clock.time += seconds
        rig.resolve(f"{server.host}/team/app:1.0")
        assert len(tokens.given) == given


def test_each_repository_has_its_own_token_and_the_second_needs_no_challenge(
    rig: Rig, server: RegistryServer
) -> None:
    tokens = with_tokens(server)
    server.push("team/app:1.0")
    server.push("team/web:1.0")
    rig.resolve(f"{server.host}/team/app:1.0")
    before = len(server.seen)

    rig.resolve(f"{server.host}/team/web:1.0")

    assert server.asked[before : before + 2] == ["GET /token", "HEAD /v2/team/web/manifests/1.0"]
    assert len(tokens.given) == 2
    assert rig.asked_for == [server.host]


def test_a_token_that_ended_early_is_replaced_once(rig: Rig, server: RegistryServer) -> None:
    tokens = with_tokens(server)
    digest = server.push("team/app:1.0")
    rig.resolve(f"{server.host}/team/app:1.0")
    tokens.revoked.update(tokens.given)

    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest
    assert len(tokens.given) == 2


def test_a_token_that_lets_nobody_in_is_not_asked_for_without_end(rig: Rig, server: RegistryServer) -> None:
    tokens = with_tokens(server)
    server.push("team/app:1.0")
    issue, guard = tokens.issue, tokens.guard
    server.guard = lambda asked: (
        issue(asked)
        if asked.path == "/token"
        else guard(replace(asked, headers={"Authorization": "Bearer x"}))
    )

    error = refusal(rig, f"{server.host}/team/app:1.0")

    assert "does not let us see it" in error.message
    assert len(server.seen) == 3


def test_an_unusual_scope_is_remembered_for_its_repository(rig: Rig, server: RegistryServer) -> None:
    digest = server.push("team/app:1.0")
    scope = "registry:catalog:* repository:all:pull"

    def guard(asked: Asked) -> Reply | None:
        if asked.path == "/token":
            return json_reply({"token": "odd"} if asked.query["scope"] == scope.split() else {})
        challenge = {"WWW-Authenticate": f'Bearer realm="{server.url}/token?account=x",scope="{scope}"'}
        return (
            None if asked.headers.get("Authorization") == "Bearer odd" else error_reply(401, "", **challenge)
        )

    server.guard = guard
    for _ in range(2):
        assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest
    (asked,) = token_requests(server)
    assert asked.query["account"] == ["x"]


def test_basic_is_said_only_after_it_was_asked_for_and_then_at_once(rig: Rig, server: RegistryServer) -> None:
    with_basic(server, "ann", "pässword")
    rig.docker_login(server.host, "ann", "pässword")
    digest = server.push("team/app:1.0")

    for _ in range(2):
        assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest

    said = ["Authorization" in asked.headers for asked in server.seen]
    assert said == [False] + [True] * 6
    assert not rig.asked_for


def test_hosts_toml_is_asked_where_docker_knows_nothing(rig: Rig, server: RegistryServer) -> None:
    with_basic(server, "ann", PASSWORD)
    rig.docker_config(auths={"ghcr.io": {"auth": pair("x", "y")}, server.host: {}})
    rig.logins[server.host] = Credentials("ann", PASSWORD)
    digest = server.push("team/app:1.0")

    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest
    rig.resolve(f"{server.host}/team/app:1.0")
    assert rig.asked_for == [server.host]


def test_what_the_secret_store_raises_goes_through(rig: Rig, server: RegistryServer) -> None:
    with_basic(server, "ann", PASSWORD)
    client = rig.client()

    def fail(registry: str) -> Credentials | None:
        raise UsageError(f"no secret for {registry}")

    rig._login = fail  # type: ignore[method-assign]
    client = rig.client()
    with pytest.raises(UsageError, match="no secret"):
        rig.resolve(f"{server.host}/team/app:1.0")
    client.close()


def test_a_login_at_the_token_server(rig: Rig, server: RegistryServer) -> None:
    tokens = with_tokens(server)
    tokens.needs = f"Basic {pair('ann', PASSWORD)}"
    rig.docker_login(f"https://{server.host}/v1/", "ann", PASSWORD)
    digest = server.push("team/app:1.0")

    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest


@pytest.mark.parametrize("by", ["auths", "helper"])
def test_docker_hub_goes_by_its_old_address(rig: Rig, serve: Serve, by: str) -> None:
    server = serve(rig.authority.leaf("registry-1.docker.io"))
    rig.servers["registry-1.docker.io", 443] = server.port
    rig.registries["docker.io"] = Registry(ca_file=str(rig.authority.path))
    with_basic(server, "ann", PASSWORD)
    digest = server.push("library/redis:8.0")
    hub = "https://index.docker.io/v1/"
    if by == "auths":
        rig.docker_login(hub, "ann", PASSWORD)
    else:
        rig.docker_config(credHelpers={hub: "lab"})
        said = json.dumps({"Username": "ann", "Secret": PASSWORD})
        helper(rig, f"read -r server; [ $server = {hub} ] && echo '{said}'")

    assert rig.resolve("redis:8.0").digest == digest


def test_who_names_the_token_server_of_another_gets_no_token_of_that_one(rig: Rig, serve: Serve) -> None:
    server, other = serve(), serve()
    tokens = with_tokens(server)
    tokens.needs = f"Basic {pair('ann', PASSWORD)}"
    rig.docker_login(server.host, "ann", PASSWORD)
    server.push("team/app:1.0")
    rig.resolve(f"{server.host}/team/app:1.0")
    other.guard = tokens.guard

    refusal(rig, f"{other.host}/team/app:1.0")

    assert len(tokens.given) == 1
    assert not [asked for asked in other.seen if "Authorization" in asked.headers]


def test_an_identity_token_is_posted(rig: Rig, server: RegistryServer) -> None:
    digest = server.push("team/app:1.0")
    tokens = with_tokens(server)
    rig.docker_config(auths={server.host: {"auth": "", "identitytoken": "canary-identity"}})

    def issue(asked: Asked) -> Reply:
        assert asked.method == "POST"
        form = dict(pair.split("=", 1) for pair in asked.body.decode().split("&"))
        assert form["refresh_token"] == "canary-identity"
        assert form["grant_type"] == "refresh_token"
        assert form["service"] == "the%2C+service"
        tokens.given.append("fresh<team/app>")
        return json_reply({"access_token": tokens.given[-1]})

    tokens.issue = issue  # type: ignore[method-assign]

    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest
    assert "canary" not in str([asked.query for asked in server.seen])


def helper(rig: Rig, text: str, name: str = "lab") -> None:
    path = rig.root / "bin" / f"docker-credential-{name}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("settings", [{"credsStore": "lab"}, {"credHelpers": {"HOST": "lab"}}])
def test_a_credential_helper_is_asked(
    rig: Rig, server: RegistryServer, settings: dict[str, object], tmp_path: Path
) -> None:
    with_basic(server, "ann", PASSWORD)
    rig.docker_config(**json.loads(json.dumps(settings).replace("HOST", server.host)))
    helper(
        rig,
        f"""read -r server; echo "$1 $server" >> {tmp_path}/asked
echo '{{"ServerURL": "x", "Username": "ann", "Secret": "{PASSWORD}"}}'""",
    )
    digest = server.push("team/app:1.0")

    for _ in range(2):
        assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest
    assert (tmp_path / "asked").read_text() == f"get {server.host}\n"


def test_a_helper_that_knows_nothing_gives_way_to_what_is_written(rig: Rig, server: RegistryServer) -> None:
    with_basic(server, "ann", PASSWORD)
    rig.docker_config(credsStore="lab", auths={server.host: {"auth": pair("ann", PASSWORD)}})
    helper(rig, "echo credentials not found in native keychain; exit 1")
    digest = server.push("team/app:1.0")

    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest


BROKEN_HELPERS = {
    f"echo {PASSWORD}; echo {PASSWORD} >&2; exit 3": "docker-credential-lab ended with code 3",
    f"echo {PASSWORD}": "docker-credential-lab printed what is no answer",
    'echo \'{"Username": "ann"}\'': "docker-credential-lab printed what is no answer",
    f"echo {PASSWORD}; exec /bin/sleep 10": "docker-credential-lab did not end within 0.2 s",
    "": "docker-credential-lab is not installed",
}


@pytest.mark.parametrize("script, reason", BROKEN_HELPERS.items())
def test_a_helper_that_fails_is_told_where_a_login_is_needed(
    rig: Rig, server: RegistryServer, script: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    rig.limits = replace(rig.limits, helper=0.2)
    with_basic(server, "ann", PASSWORD)
    rig.docker_config(credsStore="lab")
    if script:
        helper(rig, script)

    error = refusal(rig, f"{server.host}/team/app:1.0")

    assert f"not logged in ({reason})" in error.message
    assert PASSWORD not in told(error)
    assert capfd.readouterr() == ("", "")


def test_a_public_image_needs_no_helper_that_works(rig: Rig, server: RegistryServer) -> None:
    with_tokens(server)
    rig.docker_config(credsStore="missing")
    digest = server.push("team/app:1.0")

    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest


BROKEN_CONFIGS = {
    f'{{"auths": "{PASSWORD}': "it is not JSON",
    f'["{PASSWORD}"]': "it is no object",
    '{"auths": {"HOST": {"auth": "!!!"}}}': "an entry of auths is none",
    '{"auths": {"HOST": "text"}}': "an entry of auths is none",
    '{"auths": ["HOST"]}': "an entry of auths is none",
    '{"auths": {"HOST": {"auth": "/////zo="}}}': "an entry of auths is none",
}


@pytest.mark.parametrize("text, reason", BROKEN_CONFIGS.items())
def test_a_config_that_cannot_be_read_is_told_where_a_login_is_needed(
    rig: Rig, server: RegistryServer, text: str, reason: str
) -> None:
    with_basic(server, "ann", PASSWORD)
    rig.docker_config().write_text(text.replace("HOST", server.host))

    error = refusal(rig, f"{server.host}/team/app:1.0")

    assert reason in error.message
    assert PASSWORD not in told(error)


def test_docker_config_names_the_folder(rig: Rig, server: RegistryServer) -> None:
    with_basic(server, "ann", PASSWORD)
    rig.docker_login(server.host, "ann", PASSWORD)
    (rig.root / ".docker").rename(rig.root / "elsewhere")
    rig.environ["DOCKER_CONFIG"] = str(rig.root / "elsewhere")
    digest = server.push("team/app:1.0")

    assert rig.resolve(f"{server.host}/team/app:1.0").digest == digest


def test_a_token_server_in_plain_http_gets_nothing_from_a_registry_over_tls(
    rig: Rig, serve: Serve, server: RegistryServer
) -> None:
    registry = serve(rig.authority.leaf("registry.test"))
    name = f"registry.test:{registry.port}"
    rig.registries[name] = Registry(ca_file=str(rig.authority.path))
    rig.docker_login(name, "ann", PASSWORD)
    with_tokens(registry).realm = f"http://127.0.0.1:{server.port}/token"

    error = refusal(rig, f"{name}/team/app:1.0")

    assert "plain HTTP" in error.message
    assert not server.seen


@pytest.mark.parametrize(
    "realm", ["ftp://127.0.0.1/token", "nowhere", "https://ann:x@127.0.0.1/", "http://[::1"]
)
def test_a_realm_that_is_no_address_is_an_error(rig: Rig, server: RegistryServer, realm: str) -> None:
    with_tokens(server).realm = realm

    assert "cannot be asked" in refusal(rig, f"{server.host}/team/app:1.0").message


@pytest.mark.parametrize(
    "answer",
    [
        Reply(body=b"<html>"),
        json_reply({}),
        json_reply([]),
        json_reply({"token": 1}),
        json_reply({"token": f"{PASSWORD}\r\nX: y"}),
        json_reply({"token": f"{PASSWORD}é"}),
    ],
)
def test_what_is_no_token_is_an_error(rig: Rig, server: RegistryServer, answer: Reply) -> None:
    tokens = with_tokens(server)
    tokens.issue = lambda asked: answer  # type: ignore[method-assign]

    error = refusal(rig, f"{server.host}/team/app:1.0")

    assert "no token" in error.message
    assert PASSWORD not in told(error)


@pytest.mark.parametrize(
    "status, headers",
    [(401, {}), (403, {}), (401, {"WWW-Authenticate": "Negotiate"}), (401, {"WWW-Authenticate": "Basic"})],
)
def test_who_is_not_let_in_learns_what_to_do(
    rig: Rig, server: RegistryServer, status: int, headers: dict[str, str]
) -> None:
    server.on("/v2/team/app/manifests/1.0", error_reply(status, "DENIED", "no", **headers))

    error = refusal(rig, f"{server.host}/team/app:1.0")

    assert f"({status})" in error.message
    assert "not logged in" in error.message
    assert f"docker login {server.host}" in error.hint
    assert "--via HOST" in error.hint
    assert f'[registries."{server.host}"]' in error.hint


def test_a_wrong_password_names_who_we_are_and_no_secret(rig: Rig, server: RegistryServer) -> None:
    tokens = with_tokens(server)
    tokens.needs = "Basic something-else"
    rig.docker_login(server.host, "ann", PASSWORD)

    error = refusal(rig, f"{server.host}/team/app:1.0")

    assert "its token server answered 401: incorrect username or password" in error.message
    assert f"logged in as ann ({rig.root}/.docker/config.json)" in error.message
    text = told(error)
    assert PASSWORD not in text
    assert pair("ann", PASSWORD) not in text


def test_what_a_registry_echoes_is_quoted_without_secrets_and_short(rig: Rig, server: RegistryServer) -> None:
    tokens = with_tokens(server)
    server.push("team/app:1.0")

    def echo(asked: Asked) -> Reply:
        return error_reply(400, "BAD", f"\x1b[31m{asked.headers['Authorization']}{'x' * 1000}")

    server.on("/v2/team/app/manifests/1.0", echo)

    error = refusal(rig, f"{server.host}/team/app:1.0")

    assert "answered 400: BAD: " in error.message
    assert "Bearer …xxx" in error.message
    assert tokens.given[0] not in told(error)
    assert "\x1b" not in error.message
    assert len(error.message) < 300


def test_no_repr_holds_a_secret(rig: Rig, server: RegistryServer) -> None:
    with_basic(server, "ann", PASSWORD)
    rig.docker_login(server.host, "ann", PASSWORD)
    server.push("team/app:1.0")
    rig.resolve(f"{server.host}/team/app:1.0")
    login = rig.clients[-1]._ways.authorization._logins.of(server.host)

    assert login == Login(Credentials("ann", PASSWORD), f"{rig.root}/.docker/config.json")
    assert PASSWORD not in repr(login) + str(login)


def told(error: BaseException) -> str:
    """Everything that an error and what hangs on it could show, the local variables of no frame."""
    chain: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in chain:
            chain.append(one)
            waiting += [one.__cause__, one.__context__]
    return "".join("".join(traceback.format_exception(one)) + repr(vars(one)) + repr(one) for one in chain)
