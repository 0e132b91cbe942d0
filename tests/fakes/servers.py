"""Servers on loopback that behave as a test says."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOPBACK = "127.0.0.1"


@contextmanager
def serving(talk: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on loopback that talks so to everybody who comes; ends with the block."""
    with socket.create_server((LOOPBACK, 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                plain.settimeout(5)
                with contextlib.suppress(OSError), plain:
                    if context is None:
                        talk(plain)
                        continue
                    with context.wrap_socket(plain, server_side=True) as inside:
                        talk(inside)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def answering(*parts: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    def talk(there: socket.socket) -> None:
        there.recv(65536)
        for part in parts:
            there.sendall(part)
            time.sleep(pause)

    return talk
