"""Stands in for software that cannot be had here: it answers 200 to every request, on every port that the stacks use."""

from __future__ import annotations

import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORTS = (80, 3000, 3100, 3300, 4000, 5678, 6333, 8080, 8428, 8880, 9093, 9100, 9115, 9187, 12345, 18789)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET  # noqa: N815 - the name http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name http.server uses
        """Nothing."""


for number in PORTS:
    server = ThreadingHTTPServer(("", number), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.pause()
