"""The fleet: everything the operator wrote, cross-checked, with the place of each thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsctl.model.hosts import Environment, Host, HostsFile
from opsctl.model.lock import EMPTY_LOCK, Lock
from opsctl.model.stack import StackFile
from opsctl.model.values import Scalar


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written; `file` is relative to the project's folder, `line` 1-based (0: not known)."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


NOWHERE = Place("", 0)


@dataclass(frozen=True, slots=True)
class Fleet:
    """A project that loaded without a problem.

    `stacks` are keyed by (environment, stack): the overrides of the environment are already merged in.
    `places` maps a path such as ("hosts", "web") or ("stacks", "apps", "services", "api", "env", "PORT") to where it
    was written; what overrides of prod say stands below ("stacks@prod", "apps", …). The paths below a service are those
    of the model (("memory", "limit"), ("compose", "ports", 0)) and those of the file (("mem_limit",), ("ports", 0)).
    """

    root: Path
    hosts_file: HostsFile
    stacks: Mapping[tuple[str, str], StackFile]
    places: Mapping[tuple[str | int, ...], Place] = field(repr=False)
    templates: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Every file below templates/, by its relative path with forward slashes."""
    executables: frozenset[str] = frozenset()
    """Those of templates/ that their owner may execute; a context of a build keeps that."""
    before_overrides: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """By (stack, service), for those with overrides: the service as it is without them, folded but not validated."""
    lock: Lock = EMPTY_LOCK
    notes: tuple[str, ...] = ()
    """What is allowed and yet worth a word, for instance a host in no environment."""

    @property
    def project(self) -> str:
        return self.hosts_file.project

    def environment(self, name: str) -> Environment:
        return self.hosts_file.environments[name]

    def host(self, name: str) -> Host:
        return self.hosts_file.hosts[name]

    def variables(self, environment: str, host: str) -> dict[str, Scalar]:
        """[vars], then the environment's, then the host's; later wins."""
        file = self.hosts_file
        return {**file.vars, **file.environments[environment].vars, **file.hosts[host].vars}

    def stacks_of(self, environment: str, host: str) -> dict[str, StackFile]:
        """The stacks of a host by name, in the host's order."""
        return {name: self.stacks[environment, name] for name in self.host(host).stacks}

    def place(self, *path: str | int) -> Place:
        """The place of a path, or of its nearest ancestor that has one."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return Place("hosts.toml", 0)
