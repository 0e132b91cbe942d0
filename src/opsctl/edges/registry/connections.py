"""The connections of requests, with two things of our own: exchanges that end, and TLS contexts that are made once.

A server that sends a byte now and then stays within each timeout of a read, and never finishes.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from http.client import HTTPConnection as _StandardConnection
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.poolmanager import PoolManager
from urllib3.response import HTTPResponse
from urllib3.util.ssl_ import create_urllib3_context

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


class _PlainConnection(HTTPConnection):
    def connect(self) -> None:
        _watch(self)
        super().connect()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        # Here, since http.client forgets the socket as soon as a server says that it will close it.
        _watch(self)
        return super().getresponse()


class _TlsConnection(_PlainConnection, HTTPSConnection):
    """The same over TLS: HTTPSConnection comes after it in the order of its bases, and before HTTPConnection."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _PlainPool, "https": _TlsPool}


class Adapter(HTTPAdapter):
    """Connections, straight or through an HTTP proxy, that a Deadline ends.

    requests 2.34 and urllib3 2.8 read the CA certificates again for each connection, which takes longer (26 ms) than the
    rest of it, also where none is checked.
    """

    def __init__(self, **named: Any) -> None:
        self._lock = threading.Lock()
        self._contexts: dict[bool | str, ssl.SSLContext] = {}
        super().__init__(**named)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        _with_deadlines(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **named: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(proxy, **named)
        if not proxy.lower().startswith("socks"):
            _with_deadlines(manager)
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> Any:
        host, told = super().build_connection_pool_key_attributes(request, verify, cert)
        kept = {name: value for name, value in told.items() if name not in {"ca_certs", "ca_cert_dir"}}
        return host, {**kept, "ssl_context": self._context(verify)}

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:
        """The pool's context knows it all."""

    def _context(self, verify: bool | str) -> ssl.SSLContext:
        with self._lock:
            if verify not in self._contexts:
                context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if verify else ssl.CERT_NONE)
                if verify:
                    path = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
                    context.load_verify_locations(path)
                self._contexts[verify] = context
            return self._contexts[verify]


def _with_deadlines(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = _POOLS
