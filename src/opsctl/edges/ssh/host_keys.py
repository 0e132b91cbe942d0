"""What `opsctl hosts trust` needs: the keys that a host shows, and a known_hosts file with one more of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from paramiko.ssh_exception import IncompatiblePeer

from opsctl.edges.ssh.client import UnreachableError, close_all, host_key, shake_hands, stream_to, walk
from opsctl.edges.ssh.known_hosts import DEFAULT_PORT, HostKey, KnownHosts, host_names, parse_line
from opsctl.edges.ssh.policy import KEY_TYPES, HostKeyPolicy, algorithms_of, read_policy
from opsctl.edges.ssh.ssh_config import read_config
from opsctl.edges.ssh.target import Way, split_address, ways
from opsctl.errors import ConnectFailed, UsageError
from opsctl.model.hosts import Environment, Host


@dataclass(frozen=True, slots=True)
class ScannedKey:
    """A key that a host showed at an address. `known`: it is trusted already; `revoked`: it must never be."""

    address: str
    key: HostKey
    known: bool
    revoked: bool

    @property
    def fingerprint(self) -> str:
        return self.key.fingerprint


def scan(name: str, host: Host, environment: Environment, root: Path) -> list[ScannedKey]:
    """The host's keys, one of each type, from the first address that answers; nothing is sent that proves who we are.

    Jump hosts on the way are checked and logged in to as always. Raises ConnectFailed and UsageError.
    """
    policy = read_policy(name, host.host_key, root / environment.known_hosts)
    reasons = []
    for way in ways(name, host, root, read_config(host.ssh_config, root)):
        try:
            keys = _shown(name, way, policy)
        except UnreachableError as error:
            reasons.append(f"{way.address}: {error}")
            continue
        trusted = policy.expected(way.hop.names, jump=False)
        return [ScannedKey(way.address, key, key in trusted, key in policy.known.revoked) for key in keys]
    raise ConnectFailed(
        "no connection",
        where=name,
        evidence=reasons,
        hint="is the machine up, sshd running, and the VPN connected?",
    )


def trust(known_hosts: Path, name: str, addresses: Iterable[str], key: HostKey) -> None:
    """Make the key trusted for the host's name and all its addresses.

    Earlier keys of the same type are forgotten for these names. Every other line stays byte for byte; the file is
    replaced in one step and made with mode 0644. Raises UsageError for a revoked key.
    """
    names = [name]
    for address in addresses:
        host, port = split_address(address)
        names.append(host_names(host, port or DEFAULT_PORT)[0])
    names = list(dict.fromkeys(names))
    try:
        before = known_hosts.read_bytes()
    except FileNotFoundError:
        before = b""
    if key in KnownHosts.parse(before.decode(errors="replace")).revoked:
        raise UsageError(
            f"{known_hosts.name} marks {key.fingerprint} as revoked",
            where=name,
            hint="give the host a new key, or remove the @revoked line if it is wrong",
        )
    kept = b"".join(_without(before.splitlines(keepends=True), names, key.type))
    if kept and not kept.endswith(b"\n"):
        kept += b"\n"
    _replace(known_hosts, kept + f"{','.join(names)} {key}\n".encode())


def _shown(where: str, way: Way, policy: HostKeyPolicy) -> list[HostKey]:
    through = walk(where, way, policy)
    keys = []
    try:
        for kind in KEY_TYPES:
            try:
                transport = shake_hands(stream_to(way, way.hop, through), algorithms_of(kind))
            except UnreachableError as error:
                if isinstance(error.__cause__, IncompatiblePeer):
                    continue
                raise
            keys.append(host_key(transport))
            close_all([transport])
    finally:
        close_all(through)
    return keys


def _without(lines: Iterable[bytes], names: list[str], kind: str) -> Iterator[bytes]:
    """The lines, with these names taken off those that give them a key of this type."""
    for line in lines:
        known = parse_line(line.decode(errors="replace"))
        if (
            not known
            or known.marker
            or known.key.type != kind
            or not any(known.names(name.lower()) for name in names)
        ):
            yield line
            continue
        others = [
            host for host in known.hosts.split(",") if host.lower() not in {name.lower() for name in names}
        ]
        if others and not known.hosts.startswith("|"):
            yield line.replace(known.hosts.encode(), ",".join(others).encode(), 1)


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
