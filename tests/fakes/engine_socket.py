"""A small HTTP server on a unix socket that answers as the Docker engine does, where a test needs no real engine.

The API's shapes are from the engine's own documentation (API 1.41); what is held against a real engine is in tests/lab.
"""

from __future__ import annotations

import contextlib
import json
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from urllib.parse import parse_qs, urlsplit

CONTAINERS = [{"Id": "abc", "Names": ["/web"], "Labels": {"text": "straße"}}]
_REPLIES: dict[str, object] = {
    "/version": {"ApiVersion": "1.41", "Version": "20.10.24"},
    "/containers/json": CONTAINERS,
    "/containers/web/json": {"Id": "abc", "Config": {"Tty": False}},
    "/containers/endless/json": {"Id": "ghi", "Config": {"Tty": False}},
    "/containers/screen/json": {"Id": "def", "Config": {"Tty": True}},
    "/containers/web/stats": {"memory_stats": {"usage": 1000, "stats": {"inactive_file": 300}}},
    "/containers/off/stats": {"memory_stats": {}},
    "/huge": ["x" * 1000] * 3000,
}


def frame(stream: int, text: str) -> bytes:
    """A frame of a container's log: stream, length, bytes."""
    return struct.pack(">BxxxL", stream, len(text.encode())) + text.encode()


LOG = [frame(1, "one\n"), frame(2, "two\n"), frame(1, "thr"), frame(1, "ee\n")]


class Engine(ThreadingMixIn, UnixStreamServer):
    """`connections` counts them; `drop_next` makes the server hang up in the middle of the next answer."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Handler)
        self.path = path
        self.connections = 0
        self.drop_next = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Engine

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = url.path.removeprefix("/v1.41")
        if self.server.drop_next:
            self.server.drop_next = False
            self.close_connection = True
            return
        if path.endswith("/logs"):
            self._logs(
                path.split("/")[2], "follow" in parse_qs(url.query) and parse_qs(url.query)["follow"] == ["1"]
            )
        elif path == "/broken":
            self._json({"message": "driver failed"}, 500)
        elif path == "/forbidden":
            self._json({"message": "authorization denied by plugin"}, 403)
        elif path == "/_ping":
            self._text(b"OK")
        elif path in _REPLIES:
            self._json(_REPLIES[path])
        else:
            self._json({"message": f"No such thing: {path}"}, 404)

    def _json(self, value: object, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if len(body) > 2000:
            self._chunked([body[i : i + 4096] for i in range(0, len(body), 4096)])
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _text(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _logs(self, container: str, follow: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.raw-stream")
        parts = [b"on a screen\r\n"] if container == "screen" else LOG
        if container == "endless":
            parts = [frame(1, "tick\n")] * 500
        self._chunked(parts, pause=0.01 if follow else 0.0)

    def _chunked(self, parts: list[bytes], pause: float = 0.0) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            for part in parts:
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                self.wfile.flush()
                time.sleep(pause)
            self.wfile.write(b"0\r\n\r\n")


@contextlib.contextmanager
def run_engine(path: Path) -> Iterator[Engine]:
    with Engine(path) as engine:
        thread = threading.Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield engine
        finally:
            engine.shutdown()
            thread.join()
            path.unlink(missing_ok=True)
