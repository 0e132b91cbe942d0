"""Connecting: each address in turn, each machine on the way, its host key, our keys."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field
from typing import Any

from paramiko import AuthenticationException, BadAuthenticationType, ChannelException, SSHException
from paramiko.ssh_exception import IncompatiblePeer

from opsctl.edges.ssh.identities import Identities
from opsctl.edges.ssh.known_hosts import HostKey
from opsctl.edges.ssh.policy import HostKeyPolicy, algorithms
from opsctl.edges.ssh.sockets import CONNECT_TIMEOUT, ProxySocket, dial
from opsctl.edges.ssh.target import Hop, Way
from opsctl.edges.ssh.wire import LinkTransport
from opsctl.errors import AuthenticationFailed, ConnectFailed

KEEPALIVE = 15
HANDSHAKE_TIMEOUT = 10.0
AUTH_TIMEOUT = 30.0
"""Long enough to touch a hardware key."""

# What paramiko 5.1 still offers and nobody should need: CBC, SHA-1, MD5.
_WEAK = {
    "ciphers": ("aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"),
    "macs": ("hmac-sha1", "hmac-sha1-96", "hmac-md5", "hmac-md5-96"),
}


@dataclass(slots=True)
class Link:
    """A connection to a host: its transport, and those it runs through, outermost first."""

    transport: LinkTransport
    user: str
    address: str
    through: list[LinkTransport] = field(default_factory=list)

    def close(self) -> None:
        close_all([*self.through, self.transport])


class UnreachableError(Exception):
    """This address did not lead anywhere; the next may."""


def connect(where: str, tries: tuple[Way, ...], policy: HostKeyPolicy) -> Link:
    """A connection over the first address that answers.

    Raises ConnectFailed with every address and its reason; HostKeyRefused and AuthenticationFailed at once, since the
    other addresses lead to the same machine.
    """
    reasons = []
    for way in tries:
        try:
            return _connect(where, way, policy)
        except UnreachableError as error:
            reasons.append(f"{way.address}: {error}")
    raise ConnectFailed(
        "no connection" if len(reasons) == 1 else f"no connection on any of {len(reasons)} addresses",
        where=where,
        evidence=reasons,
        hint="is the machine up, sshd running, and the VPN connected? addresses are tried in the order of hosts.toml",
    )


def _connect(where: str, way: Way, policy: HostKeyPolicy) -> Link:
    for hop in (*way.jumps, way.hop):
        with contextlib.closing(Identities(hop, where)) as identities:
            identities.check_files()
    through = walk(where, way, policy)
    try:
        transport = _enter(where, way.hop, stream_to(way, way.hop, through), policy, jump=False)
    except BaseException:
        close_all(through)
        raise
    return Link(transport, way.hop.user, str(way.hop), through)


def walk(where: str, way: Way, policy: HostKeyPolicy) -> list[LinkTransport]:
    """Logged in to every jump host of the way, outermost first. Raises as connect, and UnreachableError."""
    through: list[LinkTransport] = []
    try:
        for hop in way.jumps:
            through.append(_enter(where, hop, stream_to(way, hop, through), policy, jump=True))
    except BaseException:
        close_all(through)
        raise
    return through


def close_all(transports: list[LinkTransport]) -> None:
    for transport in reversed(transports):
        transport.close()
        transport.join(timeout=1)


def stream_to(way: Way, hop: Hop, through: list[LinkTransport]) -> Any:
    """The bytes to and from a machine: TCP, a ProxyCommand, or a channel of the machine before it."""
    try:
        if through:
            return through[-1].open_tcp(hop.address, hop.port)
        return ProxySocket.start(way.command) if way.command else dial(hop.address, hop.port)
    except ChannelException as error:
        raise UnreachableError(f"the jump host cannot reach {hop}: {error.text}") from error
    except (OSError, SSHException) as error:
        raise UnreachableError(_reason(error)) from error


def _enter(where: str, hop: Hop, stream: Any, policy: HostKeyPolicy, *, jump: bool) -> LinkTransport:
    expected = policy.expected(hop.names, jump=jump)
    transport = shake_hands(stream, algorithms(expected))
    try:
        policy.check(host_key(transport), hop.names, jump=jump)
        _authenticate(where, hop, transport)
    except BaseException:
        transport.close()
        raise
    transport.set_keepalive(KEEPALIVE)
    return transport


def shake_hands(stream: Any, key_algorithms: tuple[str, ...]) -> LinkTransport:
    """An encrypted but not yet trusted connection. Raises UnreachableError; the stream is then closed."""
    transport = LinkTransport(stream, disabled_algorithms=_WEAK)
    transport.banner_timeout = transport.handshake_timeout = HANDSHAKE_TIMEOUT
    transport.auth_timeout = AUTH_TIMEOUT
    transport.get_security_options().key_types = key_algorithms
    problem: Exception | None = None
    try:
        transport.start_client(timeout=HANDSHAKE_TIMEOUT)
    except (OSError, EOFError, SSHException) as error:
        problem = error
    except BaseException:
        transport.close()
        raise
    if problem is None and transport.initial_kex_done:
        return transport
    transport.close()
    raise UnreachableError(_reason(problem or TimeoutError())) from problem


def host_key(transport: LinkTransport) -> HostKey:
    """The key that the host has just proved to hold."""
    key = transport.get_remote_server_key()
    return HostKey(key.get_name(), key.asbytes())


def _authenticate(where: str, hop: Hop, transport: LinkTransport) -> None:
    with contextlib.closing(Identities(hop, where)) as identities:
        notes = identities.notes
        for label, key in identities:
            try:
                wanted = transport.auth_publickey(hop.user, key)
            except BadAuthenticationType as error:
                notes.append(f"the host takes no keys, only {', '.join(error.allowed_types)}")
                break
            except AuthenticationException as error:
                notes.append(f"{label}: {'refused' if transport.is_active() else error}")
            except (SSHException, EOFError, OSError) as error:
                notes.append(f"{label}: {_reason(error)}")
            else:
                if not wanted:
                    return
                notes.append(f"{label}: accepted, but the host asks for {', '.join(wanted)} too")
            if not transport.is_active():
                break
        raise AuthenticationFailed(
            f"{hop} lets nobody in as {hop.user} with the keys at hand",
            where=where,
            evidence=notes or ["no key file and no agent with a key was found"],
            hint=f"check user and identity_files in hosts.toml, and ~{hop.user}/.ssh/authorized_keys on the host",
        )


def _reason(error: BaseException) -> str:
    """Why an address did not answer, in few words."""
    match error:
        case TimeoutError():
            return f"no answer within {CONNECT_TIMEOUT:g} s"
        case socket.gaierror():
            return f"the name cannot be resolved ({error.strerror})"
        case OSError() if error.strerror:
            return error.strerror[0].lower() + error.strerror[1:]
        case EOFError():
            return (
                "the connection was closed during the SSH handshake (sshd busy, or it refuses this address)"
            )
        case IncompatiblePeer():
            return f"no common algorithms: {error}"
        case SSHException() if "banner" in str(error):
            return "no SSH server answers there"
    return str(error) or type(error).__name__
