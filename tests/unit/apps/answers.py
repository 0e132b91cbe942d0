"""A server on loopback that answers every GET with one code, for probes of programs that cannot be had."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


@contextmanager
def server(code: int) -> Iterator[tuple[int, list[str]]]:
    """Its port, and what it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.requestline)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(b"all shards are ready, 200 of them")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield http.server_address[1], asked
        finally:
            http.shutdown()
            thread.join()
