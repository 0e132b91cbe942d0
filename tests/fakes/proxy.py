"""An HTTP proxy on a real socket, that leads every name to this machine's own servers."""

from __future__ import annotations

import http.client
import select
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit


class Proxy(ThreadingHTTPServer):
    """Whatever the name, the connection goes to 127.0.0.1 at the port; `asked` is what it was asked, in order."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.authorizations: list[str] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """What clients break off is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True
    server: Proxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass

    def do_CONNECT(self) -> None:
        self._note()
        with socket.create_connection(("127.0.0.1", int(self.path.rpartition(":")[2])), timeout=5) as other:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            _join(self.connection, other)
        self.close_connection = True

    def do_GET(self) -> None:
        self._note()
        target = urlsplit(self.path)
        other = http.client.HTTPConnection("127.0.0.1", target.port or 80, timeout=5)
        path = f"{target.path}?{target.query}" if target.query else target.path
        headers = {name: value for name, value in self.headers.items() if not name.startswith("Proxy-")}
        other.request(self.command, path, headers=headers)
        answer = other.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        other.close()

    def do_HEAD(self) -> None:
        self.do_GET()

    def _note(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.authorizations.append(self.headers.get("Proxy-Authorization", ""))


def _join(one: socket.socket, other: socket.socket) -> None:
    pairs = {one: other, other: one}
    while True:
        for ready in select.select(list(pairs), [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            pairs[ready].sendall(data)
