"""One HTTP/1.1 exchange over a stream, within a limit of time and of size."""

from __future__ import annotations

import http.client
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.edges.ports import Stream

_CHUNK = 2**15


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is the path with its query, `host` what goes into the header of that name."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def exchange(stream: Stream, request: Request, *, seconds: float, most: int) -> Response:
    """Send it and read the answer, of its body `most` bytes. The stream is left open.

    Raises TimeoutError when `seconds` are over, however the other side spends them; OSError, EOFError, and ValueError where
    what comes is no HTTP.
    """
    connection = http.client.HTTPConnection(request.host)
    connection.sock = _Timed(stream, time.monotonic() + seconds)
    try:
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", request.host)
        for name, value in {**_usual(request), **request.headers}.items():
            connection.putheader(name, value)
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        body = answer.read(most)
    except http.client.RemoteDisconnected as error:
        raise EOFError("closed without an answer") from error
    except http.client.HTTPException as error:
        raise ValueError("what answers there does not speak HTTP") from error
    if answer.length and len(body) < most:
        # Asked for a number of bytes, http.client says nothing of those that never came (Python 3.11).
        raise EOFError("closed in the middle of the answer")
    return Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)


def _usual(request: Request) -> dict[str, str]:
    usual = {"User-Agent": "opsctl", "Accept": "*/*", "Connection": "close"}
    if request.body or request.method in {"POST", "PUT", "PATCH"}:
        usual["Content-Length"] = str(len(request.body))
    return usual


class _Timed:
    """What http.client needs of a socket; every wait ends at one deadline, on the monotonic clock."""

    def __init__(self, stream: Stream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._limit()
        self._stream.sendall(data)

    def read(self, most: int) -> bytes:
        self._limit()
        return self._stream.recv(most)

    def makefile(self, *_arguments: Any, **_options: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self), _CHUNK)

    def close(self) -> None:
        """The stream is its owner's to close."""

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._stream.settimeout(left)


class _Reader(io.RawIOBase):
    def __init__(self, source: _Timed) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        part = self._source.read(len(view))
        view[: len(part)] = part
        return len(part)
