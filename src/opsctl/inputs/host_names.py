"""What hosts.toml names must exist: hosts of environments, stacks of hosts."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.inputs.draft import Draft
from opsctl.model.fleet import Place
from opsctl.model.nearest import nearest


def check_host_names(draft: Draft) -> None:
    """Unknown and doubled names in hosts.toml."""
    _check_default(draft)
    _check_environments(draft)
    for name, host in draft.hosts.hosts.items():
        for index, stack in enumerate(host.stacks):
            place = draft.in_hosts("hosts", name, "stacks", index)
            if stack not in draft.services:
                message = f"hosts.{name}: there is no stack {stack!r} (stacks/{stack}.yml)"
                draft.add(place, message, nearest(stack, draft.services))
        _check_once(draft, host.stacks, f"hosts.{name}.stacks", ("hosts", name, "stacks"))


def unused_hosts(draft: Draft) -> list[str]:
    """Hosts that no environment has; that is allowed, and worth a note."""
    used = {host for environment in draft.hosts.environments.values() for host in environment.hosts}
    return sorted(draft.host_names - used)


def _check_default(draft: Draft) -> None:
    default = draft.hosts.default_environment
    if default is not None and default not in draft.environment_names:
        message = f"default_environment: there is no environment {default!r}"
        draft.add(draft.in_hosts("default_environment"), message, nearest(default, draft.environment_names))


def _check_environments(draft: Draft) -> None:
    owner: dict[str, tuple[str, Place]] = {}
    for name, environment in draft.hosts.environments.items():
        where = ("environments", name, "hosts")
        _check_once(draft, environment.hosts, f"environments.{name}.hosts", where)
        for index, host in enumerate(environment.hosts):
            place = draft.in_hosts(*where, index)
            if host not in draft.host_names:
                message = f"environments.{name}: there is no host {host!r}"
                draft.add(place, message, nearest(host, draft.host_names))
            elif owner.setdefault(host, (name, place))[0] != name:
                other, first = owner[host]
                message = f"environments.{name}: the host {host!r} is in the environment {other!r} already ({first})"
                draft.add(place, message, "a host is in one environment")


def _check_once(draft: Draft, names: Sequence[str], dotted: str, where: tuple[str, ...]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            draft.add(draft.in_hosts(*where, index), f"{dotted}: {name!r} is given twice")
