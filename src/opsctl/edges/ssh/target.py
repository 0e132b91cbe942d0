"""Who and where: a host of hosts.toml and the SSH configuration make the ways to try."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace
from pathlib import Path

from opsctl.edges.ssh.known_hosts import DEFAULT_PORT, host_names
from opsctl.edges.ssh.ssh_config import ClientConfig, HostOptions
from opsctl.errors import UsageError
from opsctl.model.hosts import Host

_MAX_JUMPS = 8


@dataclass(frozen=True, slots=True)
class IdentityFile:
    """A private key; `required` where hosts.toml names it: then it must be there."""

    path: Path
    required: bool = False


@dataclass(frozen=True, slots=True)
class Hop:
    """One machine on the way. `names` are what known_hosts may call it, the one for people first."""

    address: str
    port: int
    user: str
    names: tuple[str, ...]
    identity_files: tuple[IdentityFile, ...] = ()
    identities_only: bool = False
    agent: str | None = None

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return host if self.port == DEFAULT_PORT else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Way:
    """One address of a host: the machines to go through, then the host. `command` replaces the first TCP connection."""

    address: str
    jumps: tuple[Hop, ...]
    hop: Hop
    command: str | None = None


def ways(name: str, host: Host, root: Path, config: ClientConfig) -> tuple[Way, ...]:
    """The ways to a host, in the order of its addresses. Raises UsageError.

    All addresses share one host key: a key known for any of them, or for the host's name, is known for all.
    """
    own = tuple(IdentityFile(root / Path(file).expanduser(), required=True) for file in host.identity_files)
    ends = [_end(address, host.user, own, config) for address in host.addresses]
    shared = (*(known for end in ends for known in end.hop.names), name)
    found = []
    for address, end in zip(host.addresses, ends, strict=True):
        jumps, command = _before(end, config)
        hop = replace(end.hop, names=tuple(dict.fromkeys((*end.hop.names, *shared))))
        found.append(Way(address, jumps, hop, command))
    return tuple(found)


def split_address(address: str) -> tuple[str, int | None]:
    """Host and port of `name`, `name:port`, `a.b.c.d:port`, `[v6]:port` or a bare v6 address. Raises UsageError."""
    host, port = address, ""
    if address.startswith("["):
        host, bracket, port = address[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise UsageError(f"{address!r} is not an address such as [2001:db8::1]:22")
        port = port[1:]
    elif address.count(":") == 1:
        host, port = address.split(":")
    if not host or (port and not (port.isdecimal() and 0 < int(port) < 65536)):  # noqa: PLR2004 - TCP's ports
        raise UsageError(f"{address!r} is not an address such as web.example or 192.0.2.7:2222")
    return host, int(port) if port else None


@dataclass(frozen=True, slots=True)
class _End:
    """A machine, and what the configuration says of the way to it."""

    hop: Hop
    options: HostOptions


def _end(address: str, user: str | None, files: tuple[IdentityFile, ...], config: ClientConfig) -> _End:
    written, port = split_address(address)
    options = config.options(written, user, port)
    port = options.port or DEFAULT_PORT
    hosts = dict.fromkeys(filter(None, (written, options.hostname, options.host_key_alias)))
    files += tuple(IdentityFile(file) for file in options.identity_files)
    hop = Hop(
        address=options.hostname,
        port=port,
        user=options.user or getpass.getuser(),
        names=tuple(name for known in hosts for name in host_names(known, port)),
        identity_files=files or _default_files(),
        identities_only=options.identities_only,
        agent=options.agent,
    )
    return _End(hop, options)


def _before(end: _End, config: ClientConfig, depth: int = 0) -> tuple[tuple[Hop, ...], str | None]:
    """The machines before this one, and the ProxyCommand of the first.

    The first of a ProxyJump list is reached as its own entry says, the others each through the one before.
    """
    if not end.options.proxy_jump:
        return (), end.options.proxy_command
    if depth >= _MAX_JUMPS:
        raise UsageError(
            f"{config.path}: ProxyJump leads from {end.hop} in a circle, or over {_MAX_JUMPS} machines"
        )
    listed = [_end(*_split_jump(jump), (), config) for jump in end.options.proxy_jump]
    jumps, command = _before(listed[0], config, depth + 1)
    return (*jumps, *(jump.hop for jump in listed)), command


def _split_jump(jump: str) -> tuple[str, str | None]:
    """Address and user of `[user@]host[:port]` or `ssh://[user@]host[:port]`."""
    user, _, address = jump.removeprefix("ssh://").rstrip("/").rpartition("@")
    return address, user or None


def _default_files() -> tuple[IdentityFile, ...]:
    folder = Path("~/.ssh").expanduser()
    return tuple(IdentityFile(folder / name) for name in ("id_ed25519", "id_ecdsa", "id_rsa"))
