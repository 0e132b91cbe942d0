"""TCP from this machine."""

from __future__ import annotations

import socket

from opsctl.edges.ports import Stream
from opsctl.errors import CouldNotFindOut, NotReached, Silent

_ANY_PORT = 9
"""Of a datagram socket that sends nothing (discard)."""


class OwnNetwork:
    """Implements `Network` for the machine that opsctl runs on."""

    def open(self, address: str, port: int, timeout: float) -> Stream:
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        try:
            return socket.create_connection((address, port), timeout)
        except socket.gaierror as error:
            raise NotReached(f"{address}: {error.strerror}") from error
        except TimeoutError as error:
            raise Silent(f"{place}: silent for {timeout:g} s") from error
        except OSError as error:
            raise NotReached(f"{place}: {error.strerror or error}") from error


def source_to(address: str) -> str:
    """The address that this machine would send from. Raises CouldNotFindOut where it knows no way there."""
    try:
        [(family, kind, protocol, _, target), *_] = socket.getaddrinfo(
            address, _ANY_PORT, type=socket.SOCK_DGRAM
        )
        with socket.socket(family, kind, protocol) as asked:
            asked.connect(target)  # of a datagram socket: nothing is sent
            return str(asked.getsockname()[0])
    except OSError as error:
        raise CouldNotFindOut(f"no way to {address}: {error.strerror or error}") from error
