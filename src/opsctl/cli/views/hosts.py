"""The hosts of hosts.toml, and what a look at each found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsctl.cli.views.blocks import Block, Column, Span, Table, line, without_empty
from opsctl.cli.views.figures import size
from opsctl.errors import OpsctlError
from opsctl.model.hosts import Host, HostsFile
from opsctl.state.observed import Observed

if TYPE_CHECKING:
    from opsctl.edges.ssh.host_keys import ScannedKey  # paramiko comes with it

_LIST = (
    Column("environment"),
    Column("host"),
    Column("addresses", least=16),
    Column("memory", align="right"),
    Column("host key"),
    Column("stacks", least=16),
)
_CHECK = (
    Column("host"),
    Column("state"),
    Column("containers", align="right"),
    Column("memory free", align="right"),
    Column("disk free", align="right"),
)


def hosts_view(file: HostsFile) -> Iterator[Block]:
    rows = [_listed(environment, name, file.hosts[name]) for environment, name in _pairs(file)]
    yield without_empty(Table(_LIST, tuple(rows)))


def hosts_json(file: HostsFile) -> dict[str, Any]:
    return {
        "hosts": [
            {
                "environment": environment or None,
                "host": name,
                "connection": file.hosts[name].connection,
                "addresses": list(file.hosts[name].addresses),
                "pinned": bool(file.hosts[name].host_key),
                "memory": file.hosts[name].memory,
                "stacks": list(file.hosts[name].stacks),
            }
            for environment, name in _pairs(file)
        ]
    }


def _pairs(file: HostsFile) -> list[tuple[str, str]]:
    """(environment, host), those of no environment last, with an empty one."""
    placed = [(name, host) for name, entry in file.environments.items() for host in entry.hosts]
    known = {host for _environment, host in placed}
    return placed + [("", host) for host in file.hosts if host not in known]


def _listed(environment: str, name: str, host: Host) -> tuple[Span, ...]:
    local = host.connection == "local"
    return (
        Span(environment) if environment else Span("none", "warn"),
        Span(name, "strong"),
        Span("this machine" if local else ", ".join(host.addresses)),
        Span("" if host.memory is None else size(host.memory)),
        Span("" if local else "pinned" if host.host_key else "known_hosts"),
        Span(", ".join(host.stacks)),
    )


def checked_view(looks: Mapping[str, Observed], errors: Mapping[str, OpsctlError]) -> Iterator[Block]:
    rows = {name: _checked(found) for name, found in looks.items()}
    rows |= {
        name: (Span(name, "strong"), Span("not ready", "bad"), Span(""), Span(""), Span(""))
        for name in errors
    }
    yield without_empty(Table(_CHECK, tuple(rows[name] for name in sorted(rows))))


def _checked(found: Observed) -> tuple[Span, ...]:
    have = found.resources
    return (
        Span(found.host, "strong"),
        Span("ready", "good"),
        Span(str(len(found.containers))),
        Span(f"{size(have.memory_available)} of {size(have.memory_total)}"),
        Span(f"{size(have.disk_available)} of {size(have.disk_total)}"),
    )


def checked_json(looks: Mapping[str, Observed], errors: Mapping[str, OpsctlError]) -> dict[str, Any]:
    return {
        "hosts": [
            {
                "host": name,
                "ready": name in looks,
                "containers": len(looks[name].containers) if name in looks else None,
            }
            for name in sorted({*looks, *errors})
        ]
    }


def keys_view(name: str, keys: Sequence[ScannedKey]) -> Iterator[Block]:
    """What a host showed; the first is the one that is trusted."""
    yield line(Span(name, "strong"), f" at {keys[0].address} shows")
    rows = [(Span(one.key.type), Span(one.fingerprint), _standing(one)) for one in keys]
    yield without_empty(Table((Column(), Column(), Column()), tuple(rows), indent=2))


def _standing(key: ScannedKey) -> Span:
    if key.revoked:
        return Span("revoked", "bad")
    return Span("trusted", "good") if key.known else Span("not known", "warn")
