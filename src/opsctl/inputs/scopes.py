"""What runs together: the services of one host, or of a stack that no host runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from opsctl.inputs.draft import Draft
from opsctl.model.fleet import Place
from opsctl.model.stack import Service, StackFile


@dataclass(frozen=True, slots=True)
class Member:
    """A service where it runs."""

    stack: str
    name: str
    service: Service


@dataclass(frozen=True, slots=True)
class Scope:
    """One host with its stacks in one environment. `host` is "" for a stack that no host runs: then what could be on any
    host is taken as there.
    """

    draft: Draft
    environment: str
    host: str
    stacks: Mapping[str, StackFile]
    services: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]
    variables: frozenset[str]
    hosts: frozenset[str]
    sites: frozenset[str]

    @property
    def where(self) -> str:
        return f"on the host {self.host!r}" if self.host else "in any stack"

    def members(self) -> Iterator[Member]:
        for stack, file in self.stacks.items():
            for name, service in file.services.items():
                yield Member(stack, name, service)

    def place(self, member: Member, *path: str | int) -> Place:
        return self.draft.in_stack(self.environment, member.stack, "services", member.name, *path)


def scopes(draft: Draft) -> Iterator[Scope]:
    """Every host of every environment, then every stack without a host in every environment."""
    for name, environment in draft.hosts.environments.items():
        for host in environment.hosts:
            if host in draft.hosts.hosts:
                yield _of_host(draft, name, host)
    for stack in draft.services:
        if not draft.users(stack):
            for name in draft.environments_read():
                yield _alone(draft, name, stack)


def _of_host(draft: Draft, environment: str, host: str) -> Scope:
    file, entry = draft.hosts, draft.hosts.hosts[host]
    stacks = [stack for stack in dict.fromkeys(entry.stacks) if stack in draft.services]
    return Scope(
        draft,
        environment,
        host,
        stacks={stack: draft.stacks[environment, stack] for stack in stacks},
        services=frozenset().union(*(draft.services[stack] for stack in stacks)),
        networks=frozenset().union(*(draft.networks[stack] for stack in stacks)),
        volumes=frozenset().union(*(draft.volumes[stack] for stack in stacks)),
        variables=frozenset({*file.vars, *file.environments[environment].vars, *entry.vars}),
        hosts=frozenset(file.environments[environment].hosts),
        sites=_sites(
            draft, environment, [stack for stack in draft.services if _has(draft, environment, stack)]
        ),
    )


def _alone(draft: Draft, environment: str, stack: str) -> Scope:
    file = draft.hosts
    variables = [file.vars, *(other.vars for other in file.environments.values())]
    variables += [other.vars for other in file.hosts.values()]
    return Scope(
        draft,
        environment,
        "",
        stacks={stack: draft.stacks[environment, stack]},
        services=frozenset().union(*draft.services.values()),
        networks=frozenset().union(*draft.networks.values()),
        volumes=frozenset().union(*draft.volumes.values()),
        variables=frozenset().union(*variables),
        hosts=draft.host_names,
        sites=_sites(draft, environment, draft.services),
    )


def _has(draft: Draft, environment: str, stack: str) -> bool:
    return any(name == environment for name, _host in draft.users(stack))


def _sites(draft: Draft, environment: str, stacks: Iterable[str]) -> frozenset[str]:
    files = (draft.stacks[environment, stack] for stack in stacks if (environment, stack) in draft.stacks)
    return frozenset(one.site.name for file in files for one in file.services.values() if one.site)
