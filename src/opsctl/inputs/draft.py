"""What is known of the project while it is being read: good parts, names of broken ones, lines and problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.errors import Problem
from opsctl.model.fleet import Place
from opsctl.model.hosts import HostsFile
from opsctl.model.lock import EMPTY_LOCK, Lock
from opsctl.model.stack import StackFile

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Draft:
    """Parts that could not be read are missing from the models, but their names are here: a broken service is still a
    service that others may depend on.

    `stacks` has every stack in every environment it was read for. `services` has the names of all services of a stack.
    """

    hosts: HostsFile = field(default_factory=lambda: HostsFile(project="unnamed", environments={}, hosts={}))
    host_names: frozenset[str] = frozenset()
    environment_names: frozenset[str] = frozenset()
    stacks: dict[tuple[str, str], StackFile] = field(default_factory=dict)
    services: dict[str, frozenset[str]] = field(default_factory=dict)
    networks: dict[str, frozenset[str]] = field(default_factory=dict)
    volumes: dict[str, frozenset[str]] = field(default_factory=dict)
    templates: Mapping[str, bytes] = field(default_factory=dict)
    executables: frozenset[str] = frozenset()
    places: dict[Path, Place] = field(default_factory=dict)
    blocks: dict[Path, Place] = field(default_factory=dict)
    """Where the text of a literal or folded scalar begins."""
    before_overrides: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    lock: Lock = EMPTY_LOCK
    problems: list[Problem] = field(default_factory=list)

    def environments_read(self) -> frozenset[str]:
        """The environments that stacks are read for; "" stands in where hosts.toml tells of none."""
        return self.environment_names or frozenset({""})

    def add(self, place: Place, message: str, hint: str = "") -> None:
        self.problems.append(Problem(place.file, place.line, message, hint))

    def extend(self, problems: Iterable[Problem]) -> None:
        self.problems.extend(problems)

    def in_hosts(self, *path: str | int) -> Place:
        """Where a part of hosts.toml was written."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return Place("hosts.toml", 0)

    def in_stack(self, environment: str, stack: str, *path: str | int) -> Place:
        """Where a part of a stack was written: in the environment's overrides, else in the stack itself."""
        return self.places[self._key(environment, stack, path)]

    def text_start(self, environment: str, stack: str, *path: str | int) -> Place:
        """Where the first line of a text stands: for a block scalar the line below its key."""
        key = self._key(environment, stack, path)
        return self.blocks.get(key, self.places[key])

    def _key(self, environment: str, stack: str, path: Path) -> Path:
        for end in range(len(path), 0, -1):
            for head in (f"stacks@{environment}", "stacks"):
                if (key := (head, stack, *path[:end])) in self.places:
                    return key
        return ("stacks", stack)

    def users(self, stack: str) -> list[tuple[str, str]]:
        """The (environment, host) pairs that run a stack."""
        return [
            (name, host)
            for name, environment in self.hosts.environments.items()
            for host in environment.hosts
            if host in self.hosts.hosts and stack in self.hosts.hosts[host].stacks
        ]
