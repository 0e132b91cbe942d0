"""The connections of requests, with two things of our own: deadlines, and TLS contexts that are made once."""

from __future__ import annotations

import ssl
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager
from urllib3.util.ssl_ import create_urllib3_context

from opsctl.edges.registry.deadline import PlainConnection, TlsConnection


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


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
