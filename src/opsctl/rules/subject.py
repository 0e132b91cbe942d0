"""What rules look at: an environment as it was written and as it was rendered, and what its store says in clear."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from opsctl.model.fleet import Fleet, Place
from opsctl.model.hosts import Host
from opsctl.model.secrets import StoreFile
from opsctl.model.stack import Service
from opsctl.render.memory import MemoryRow
from opsctl.render.problems import locate
from opsctl.state.desired import Desired, DesiredHost, DesiredService

_Seen = TypeVar("_Seen")


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

    def words(self, *keys: str) -> list[str]:
        """What stands under these keys (entrypoint, command), in list or in shell form."""
        words: list[str] = []
        for key in keys:
            value = self.definition.get(key)
            words += split_words(value) if isinstance(value, str) else map(str, value or ())
        return words

    @property
    def probe(self) -> str:
        """The words of its healthcheck; "" without one."""
        check = self.definition.get("healthcheck")
        if not self.service.has_healthcheck or not isinstance(check, Mapping):
            return ""
        test = check.get("test")
        return test if isinstance(test, str) else " ".join(map(str, test or ()))

    def place(self, *path: str | int) -> Place:
        """Where a part of the service was written; the service itself where that part was not."""
        return locate(self.fleet, self.environment, self.service.stack, "services", self.name, *path)


@dataclass(frozen=True, slots=True)
class Subject:
    """`store` is None where values are made up, or nobody could read it. `now` is in seconds since the epoch. `more_memory` are the
    rows of a host's memory budget beside its services, as the apps of these give them.
    """

    fleet: Fleet
    desired: Desired
    store: StoreFile | None = None
    now: float = 0.0
    more_memory: Mapping[str, tuple[MemoryRow, ...]] = field(default_factory=dict)
    _seen: dict[Callable[..., Any], tuple[Any, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def environment(self) -> str:
        return self.desired.environment

    def services(self) -> Iterator[ServiceView]:
        for host in self.desired.hosts:
            for service in host.services.values():
                yield ServiceView(self.fleet, self.environment, host, service)

    def host(self, name: str) -> Host:
        return self.fleet.host(name)

    def once(self, look: Callable[[Subject], Iterable[_Seen]]) -> tuple[_Seen, ...]:
        """What `look` sees in this subject; it looks once, however many rules ask."""
        if look not in self._seen:
            self._seen[look] = tuple(look(self))
        return self._seen[look]


def split_words(text: str) -> list[str]:
    """As a shell splits them; at blanks where a quote is left open."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
