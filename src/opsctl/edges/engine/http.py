"""As much HTTP/1.1 as a GET on the engine needs, over one byte stream that is kept open.

http.client would bring email and ssl: 20 ms of imports for a deploy that changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from opsctl.edges.ports import Stream

_CHUNK = 2**16
_MAX_LINE = 2**16


class Response(NamedTuple):
    """`is_json` is what the engine says of the body."""

    status: int
    body: bytes
    is_json: bool

    @property
    def message(self) -> str:
        """What an engine's error says."""
        try:
            return str(json.loads(self.body)["message"])
        except (ValueError, KeyError, TypeError):
            return self.body.decode(errors="replace").strip()


class HttpStream:
    """GETs one after the other. `reusable` is False when the engine said that it closes the stream."""

    def __init__(self, stream: Stream, timeout: float) -> None:
        self.stream = stream
        self.reusable = True
        self._buffer = b""
        stream.settimeout(timeout)

    def get(self, target: str, headers: Mapping[str, str] | None = None) -> Response:
        """Raises OSError or EOFError where the stream breaks, ValueError where it does not speak HTTP."""
        asked = {"Host": "docker", "User-Agent": "opsctl", **(headers or {})}
        lines = (f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items()), "", "")
        self.stream.sendall("\r\n".join(lines).encode())
        status = self._status()
        told = self._headers()
        self.reusable = told.get("connection", "").lower() != "close"
        body = self._body(status, told)
        return Response(status, body, told.get("content-type", "").startswith("application/json"))

    def close(self) -> None:
        self.stream.close()

    def _status(self) -> int:
        version, _, rest = self._line().partition(b" ")
        code = rest[:3]
        if not version.startswith(b"HTTP/1.") or not code.isdigit():
            raise ValueError("what answers there does not speak HTTP")
        return int(code)

    def _headers(self) -> dict[str, str]:
        headers = {}
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    def _body(self, status: int, headers: dict[str, str]) -> bytes:
        if status in {204, 304}:
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked()
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"]))
        self.reusable = False
        return self._rest()

    def _chunked(self) -> bytes:
        parts = []
        while size := int(self._line().partition(b";")[0], 16):
            parts.append(self._exactly(size))
            self._line()
        self._headers()
        return b"".join(parts)

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > _MAX_LINE:
                raise ValueError("what answers there does not speak HTTP")
            self._buffer += self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _exactly(self, size: int) -> bytes:
        parts = [self._buffer]
        missing = size - len(self._buffer)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        whole = b"".join(parts)
        self._buffer = whole[size:]
        return whole[:size]

    def _rest(self) -> bytes:
        parts = [self._buffer]
        while part := self.stream.recv(_CHUNK):
            parts.append(part)
        return b"".join(parts)

    def _more(self) -> bytes:
        part = self.stream.recv(_CHUNK)
        if not part:
            raise EOFError("the engine closed the stream")
        return part
