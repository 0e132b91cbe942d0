"""A client of registries, and what stands around it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.certificates import Authority
from tests.fakes.edges import FakeClock
from tests.fakes.registry_server import Asked, RegistryServer, Reply, error_reply, json_reply

from opsctl.edges.registry.client import HttpRegistry
from opsctl.edges.registry.limits import Limits
from opsctl.images.credentials import Credentials
from opsctl.images.resolved import Resolved
from opsctl.model.hosts import Registry
from opsctl.model.references import parse_reference

QUICK = Limits(connect=2.0, read=2.0, whole=4.0, helper=2.0)
PASSWORD = "canary-7c1f-password"


@dataclass
class Rig:
    """`servers` is where names lead: (name, port) to a port of 127.0.0.1; a name without an entry leads there with its own
    port where it ends in .test, and to nothing else.
    """

    root: Path
    authority: Authority
    clock: FakeClock = field(default_factory=FakeClock)
    environ: dict[str, str] = field(default_factory=dict)
    registries: dict[str, Registry] = field(default_factory=dict)
    logins: dict[str, Credentials] = field(default_factory=dict)
    asked_for: list[str] = field(default_factory=list)
    told: list[tuple[str, float]] = field(default_factory=list)
    servers: dict[tuple[str, int], int] = field(default_factory=dict)
    limits: Limits = QUICK
    clients: list[HttpRegistry] = field(default_factory=list)

    def client(self) -> HttpRegistry:
        """Another one, that knows nothing yet."""
        made = HttpRegistry(
            self.registries,
            root=self.root,
            login=self._login,
            environ=self.environ,
            clock=self.clock,
            tell=lambda registry, seconds: self.told.append((registry, seconds)),
            limits=self.limits,
        )
        self.clients.append(made)
        return made

    def resolve(self, image: str) -> Resolved:
        return self._one().resolve(parse_reference(image))

    def tags(self, image: str) -> list[str]:
        return list(self._one().tags(parse_reference(image)))

    def docker_config(self, **settings: object) -> Path:
        path = self.root / ".docker" / "config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(settings))
        return path

    def docker_login(self, registry: str, username: str, password: str) -> None:
        self.docker_config(auths={registry: {"auth": pair(username, password)}})

    def _one(self) -> HttpRegistry:
        return self.clients[-1] if self.clients else self.client()

    def _login(self, registry: str) -> Credentials | None:
        self.asked_for.append(registry)
        return self.logins.get(registry)


def pair(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def with_basic(server: RegistryServer, username: str, password: str) -> None:
    """Let the server ask for this login."""
    wanted = f"Basic {pair(username, password)}"

    def guard(asked: Asked) -> Reply | None:
        if asked.headers.get("Authorization") == wanted:
            return None
        challenge = {"WWW-Authenticate": 'Basic realm="here, and \\"there\\""'}
        return error_reply(401, "UNAUTHORIZED", "authentication required", **challenge)

    server.guard = guard


@dataclass
class Tokens:
    """A token server beside a registry: `issue` is its answer for a scope; `given` are the tokens that it gave."""

    realm: str
    server: RegistryServer
    expires: object = 300
    key: str = "token"
    given: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    needs: str = ""
    """The Authorization that it asks for, "" where anybody gets a token."""

    def guard(self, asked: Asked) -> Reply | None:
        """For the registry, or for both where they are one server."""
        if asked.path == "/token":
            return self.issue(asked)
        repository = asked.path.removeprefix("/v2/").rsplit("/", 2)[0]
        token = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        if token in self.given and token not in self.revoked and f"<{repository}>" in token:
            return None
        challenge = (
            f'Bearer realm="{self.realm}",service="the, service",scope="repository:{repository}:pull",'
            'error="invalid_token"'
        )
        return error_reply(401, "UNAUTHORIZED", "authentication required", **{"WWW-Authenticate": challenge})

    def issue(self, asked: Asked) -> Reply:
        if self.needs and asked.headers.get("Authorization") != self.needs:
            said = asked.headers.get("Authorization", "nobody")
            return json_reply({"details": f"incorrect username or password: {said} {PASSWORD}"}, 401)
        repository = asked.query["scope"][0].split(":")[1]
        self.given.append(f"canary-token-{len(self.given)}<{repository}>")
        answer = {self.key: self.given[-1]}
        return json_reply(answer if self.expires is None else {**answer, "expires_in": self.expires})


def with_tokens(server: RegistryServer) -> Tokens:
    """A registry that is its own token server."""
    tokens = Tokens(f"{server.url}/token", server)
    server.guard = tokens.guard
    return tokens
