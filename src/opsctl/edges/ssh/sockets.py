"""The byte streams under an SSH connection: TCP without stalls, and ProxyCommand."""

from __future__ import annotations

import socket
import subprocess
from typing import Final

CONNECT_TIMEOUT: Final = 10.0
# Seconds that sent bytes may stay unacknowledged. A cut link shows within this and one keepalive interval; without it
# the kernel goes on trying for about a quarter of an hour (tcp(7), tcp_retries2).
_UNACKNOWLEDGED: Final = 20


class PromptSocket(socket.socket):
    """TCP that never waits to fill a packet and acknowledges at once.

    sshd sends small packets with Nagle's algorithm on, and the kernel's delayed acknowledgement stalls each of them by
    40 ms: connecting and the first command took 119 ms instead of 30 (Linux 6, OpenSSH 9.2). The kernel leaves the
    quick mode by itself (tcp(7), TCP_QUICKACK), so it is asked for again before each read.
    """

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if hasattr(socket, "TCP_QUICKACK"):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return super().recv(bufsize, flags)


def dial(host: str, port: int, timeout: float = CONNECT_TIMEOUT) -> PromptSocket:
    """A TCP connection to the first of the name's addresses that answers. Raises OSError, of the last one tried."""
    refusal = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = PromptSocket(family, kind, protocol)
        try:
            sock.settimeout(timeout)
            _notice_death(sock)
            sock.connect(address)
        except OSError as error:
            sock.close()
            refusal = error
            continue
        return sock
    raise refusal


def _notice_death(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED * 1000)


class ProxySocket(socket.socket):
    """Our end of a socket pair whose other end is stdin and stdout of a ProxyCommand.

    paramiko 5.1's ProxyCommand spins for ever when its program ends.
    """

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, command: str) -> ProxySocket:
        """Runs the command through the shell, as ssh_config(5) says; its stderr is the user's."""
        ours, theirs = socket.socketpair()
        with theirs:
            sock = cls(fileno=ours.detach())
            sock.process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"], stdin=theirs.fileno(), stdout=theirs.fileno()
            )
        return sock

    def close(self) -> None:
        super().close()
        self.process.terminate()
        self.process.wait()
