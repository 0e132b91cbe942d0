"""hosts.toml: the project, its environments and its hosts."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from opsctl.model.domains import Domain, IpAddress
from opsctl.model.frozen import Frozen
from opsctl.model.references import RegistryName, check_registry
from opsctl.model.values import (
    Address,
    Directory,
    HostKeys,
    Name,
    ProjectName,
    Size,
    Unfit,
    Variable,
    VariableName,
)
from opsctl.model.waivers import Waiver

SudoMode = Literal["auto", "never", "always"]
# A registry, and the folder below it that holds the copies.
_MIRROR = re.compile(r"(?P<registry>[^/]+)(?P<folder>(?:/[a-z0-9._-]+)*)")


class Sudo(Frozen):
    """Whether commands go through `sudo -n`, decided separately for files and for the engine.

    auto: only where the login user cannot do it as it is.
    """

    files: SudoMode = "auto"
    engine: SudoMode = "auto"


class SecretName(Frozen):
    """`{secret = "name"}`: that secret of the environment."""

    secret: Name


class RegistryLogin(Frozen):
    """For private images: who logs in, and the secret that is the password or token."""

    username: str = Field(min_length=1)
    password: SecretName


def check_mirror(value: Any) -> str:
    """host[:port], then maybe a folder. Raises Unfit."""
    match = _MIRROR.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise Unfit(f"{value!r} is not a mirror", "write host[:port] or host[:port]/folder")
    check_registry(match["registry"])
    return str(value)


Mirror = Annotated[str, BeforeValidator(check_mirror), WithJsonSchema({"type": "string"})]


class Registry(Frozen):
    """How opsctl reaches one registry, and how hosts log in to it.

    `mirrors` are asked first, in order; one that lacks an image, or is silent, gives way to the next and at last to the
    registry itself. `insecure`: plain HTTP where TLS is not spoken, and certificates are not checked, as Docker means it.
    """

    mirrors: tuple[Mirror, ...] = ()
    insecure: bool = False
    ca_file: str | None = None
    """PEM; relative to hosts.toml's folder."""
    login: RegistryLogin | None = None


class TelegramBot(Frozen):
    """Who writes, and to which chat: its number, or @name of a channel."""

    token: SecretName
    chat: str = Field(min_length=1)
    api: str = Field(default="https://api.telegram.org", pattern=r"^https?://")


class Notify(Frozen):
    """Whom `verify --watch --notify` tells: one of these. Addresses that hold a token are secrets of the environment."""

    telegram: TelegramBot | None = None
    post: SecretName | None = None
    """The secret is a URL that takes a JSON object with `text`."""
    apprise: SecretName | None = None
    """The secret is a URL of the package apprise."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len([one for one in (self.telegram, self.post, self.apprise) if one]) != 1:
            raise Unfit("names not exactly one recipient", "one of telegram, post and apprise")
        return self

    @property
    def secret(self) -> str:
        found = self.telegram.token if self.telegram else self.post or self.apprise
        return found.secret if found else ""


class Host(Frozen):
    """One server. Addresses are `name`, `a.b.c.d`, `name:port` or `[v6]:port`, tried in order; all share one host key."""

    addresses: tuple[Address, ...] = ()
    connection: Literal["ssh", "local"] = "ssh"
    user: str | None = None
    identity_files: tuple[str, ...] = ()
    host_key: HostKeys = ()
    ssh_config: str | None = None
    """A file in place of ~/.ssh/config; "none" reads none."""
    platform: str = "linux/amd64"
    memory: Size | None = None
    """Bytes of RAM; without it the host's own figure is used where a look is at hand."""
    reserve_memory: Size = 0
    overcommit: float = Field(default=1.0, ge=1.0, le=10.0)
    """The sum of memory limits may reach (memory - reserve_memory) times this."""
    stacks: tuple[Name, ...] = ()
    vars: dict[VariableName, Variable] = Field(default_factory=dict)
    directory: Directory | None = None
    """Absolute path on the host; default /opt/<project>; a local connection defaults to the user's state folder."""
    sudo: Sudo = Sudo()
    images: Literal["pull", "push"] = "pull"
    """push: the host reaches no registry; `opsctl push-images` brings what it lacks."""
    engine_socket: Directory | None = None
    """Absolute path; default /var/run/docker.sock. A local connection honours DOCKER_HOST=unix://… too."""
    vpn_address: IpAddress | None = None
    """Where the VPN reaches it; else the first of `addresses` that is one of Tailscale's."""
    waive: tuple[Waiver, ...] = ()
    """Failures of checks about the host itself that are accepted."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.connection == "ssh" and not self.addresses:
            raise Unfit(
                "has no addresses", 'add addresses = ["name-or-ip"], or connection = "local" for this machine'
            )
        if self.memory is not None and self.reserve_memory >= self.memory:
            raise Unfit("reserve_memory is not less than memory")
        return self


class Environment(Frozen):
    """A named set of hosts. `secrets = "generated"`: values come from a generated file that git ignores."""

    hosts: tuple[Name, ...]
    require_pins: bool = False
    vars: dict[VariableName, Variable] = Field(default_factory=dict)
    known_hosts: str = "known_hosts"
    """Relative to hosts.toml's folder."""
    secrets: Literal["generated"] | None = None
    domain: Domain | None = None
    """What follows the names of sites."""
    vpn_domain: Domain | None = None
    """What follows those of VPN-only sites; without it `domain`."""


class HostsFile(Frozen):
    project: ProjectName
    default_environment: Name | None = None
    vars: dict[VariableName, Variable] = Field(default_factory=dict)
    environments: dict[Name, Environment]
    hosts: dict[Name, Host]
    registries: dict[RegistryName, Registry] = Field(default_factory=dict)
    notify: Notify | None = None
