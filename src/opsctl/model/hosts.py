"""hosts.toml: the project, its environments and its hosts."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from opsctl.model.frozen import Frozen
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

SudoMode = Literal["auto", "never", "always"]


class Sudo(Frozen):
    """Whether commands go through `sudo -n`, decided separately for files and for the engine.

    auto: only where the login user cannot do it as it is.
    """

    files: SudoMode = "auto"
    engine: SudoMode = "auto"


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
    engine_socket: Directory | None = None
    """Absolute path; default /var/run/docker.sock. A local connection honours DOCKER_HOST=unix://… too."""

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


class HostsFile(Frozen):
    project: ProjectName
    default_environment: Name | None = None
    vars: dict[VariableName, Variable] = Field(default_factory=dict)
    environments: dict[Name, Environment]
    hosts: dict[Name, Host]
