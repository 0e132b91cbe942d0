"""Exchanges that end: a server that sends a byte now and then stays within each timeout of a read, and never finishes."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.client import HTTPConnection as _StandardConnection
from typing import Any, Self

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

_own = threading.local()


class Deadline:
    """Within it, the connection that this thread uses is shut down when the seconds have passed: every wait on it ends."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._lock = threading.Lock()
        self._over = False
        self._connection: _StandardConnection | None = None
        self._socket: Any = None
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _own.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._over = True
        self._timer.cancel()
        _own.deadline = None

    def watch(self, connection: _StandardConnection) -> None:
        """Raises TimeoutError when it has passed."""
        with self._lock:
            self._connection = connection
            self._socket = connection.sock
            if self.passed:
                raise TimeoutError

    def _pass(self) -> None:
        with self._lock:
            if self._over:
                return
            self.passed = True
            # Known at once for a connection that is kept, only later for one that is being made.
            found = self._socket or (self._connection and self._connection.sock)
            if found:
                with contextlib.suppress(OSError, TypeError):
                    # Not ssl's own shutdown: that takes the TLS object from under the thread that reads.
                    socket.socket.shutdown(found, socket.SHUT_RDWR)


def _watch(connection: _StandardConnection) -> None:
    deadline: Deadline | None = getattr(_own, "deadline", None)
    if deadline:
        deadline.watch(connection)


class PlainConnection(HTTPConnection):
    def connect(self) -> None:
        _watch(self)
        super().connect()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        # Here, since http.client forgets the socket as soon as a server says that it will close it.
        _watch(self)
        return super().getresponse()


class TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        _watch(self)
        super().connect()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _watch(self)
        return super().getresponse()
