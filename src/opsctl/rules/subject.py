"""What rules look at: an environment as it was written and as it was rendered, and what its store says in clear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.model.fleet import Fleet, Place
from opsctl.model.hosts import Host
from opsctl.model.secrets import StoreFile
from opsctl.model.stack import Service
from opsctl.render.problems import locate
from opsctl.state.desired import Desired, DesiredHost, DesiredService


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service of one host, on both sides of the rendering."""

    fleet: Fleet
    environment: str
    host: DesiredHost
    service: DesiredService

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def written(self) -> Service:
        return self.fleet.stacks[self.environment, self.service.stack].services[self.name]

    @property
    def definition(self) -> Mapping[str, Any]:
        """The Compose mapping."""
        return self.service.definition

    def place(self, *path: str | int) -> Place:
        """Where a part of the service was written; the service itself where that part was not."""
        return locate(self.fleet, self.environment, self.service.stack, "services", self.name, *path)


@dataclass(frozen=True, slots=True)
class Subject:
    """`store` is None where values are made up, or nobody could read it. `now` is in seconds since the epoch."""

    fleet: Fleet
    desired: Desired
    store: StoreFile | None = None
    now: float = 0.0

    @property
    def environment(self) -> str:
        return self.desired.environment

    def services(self) -> Iterator[ServiceView]:
        for host in self.desired.hosts:
            for service in host.services.values():
                yield ServiceView(self.fleet, self.environment, host, service)

    def host(self, name: str) -> Host:
        return self.fleet.host(name)
