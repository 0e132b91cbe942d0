"""Log streams by the Docker SDK, each on a stream of its own. This module imports the SDK: import it late."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import docker
import requests
import urllib3
import urllib3.connection
from docker.errors import APIError, NotFound
from docker.transport.basehttpadapter import BaseHTTPAdapter

from opsctl.edges.engine.door import Door
from opsctl.edges.ports import Stream
from opsctl.errors import CouldNotFindOut, EngineUnavailable, OpsctlError

# docker 7.2 takes the raw stream of a response from its file's `channel` for this address.
_BASE_URL = "http+docker://ssh"
_TIMEOUT = 60


class LogStreams:
    """Logs of one engine, by an API version that it speaks."""

    def __init__(self, door: Door, api_version: str) -> None:
        self._door = door
        self._api_version = api_version
        self._open: list[Stream] = []

    def last_lines(self, container: str, tail: int, since: float | None = None) -> list[str]:
        with self._client([]) as client, self._errors(container):
            printed: bytes = client.logs(container, stdout=True, stderr=True, tail=tail, since=since or None)
        return printed.decode(errors="replace").splitlines()

    def follow(
        self,
        containers: Mapping[str, str],
        *,
        tail: int,
        since: float | None,
        write: Callable[[str, str], None],
    ) -> None:
        """Returns when all streams ended; raises the first error after all have stopped."""
        errors: list[Exception] = []
        lock = threading.Lock()

        def one(name: str, container: str) -> None:
            try:
                for line in self._lines(name, container, tail, since):
                    with lock:
                        write(name, line)
            except (OpsctlError, OSError) as error:
                # OSError: whoever reads what `write` prints has gone.
                errors.append(error)

        threads = [threading.Thread(target=one, args=pair, daemon=True) for pair in containers.items()]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        finally:
            self._hang_up()
        if errors:
            raise errors[0]

    def _lines(self, name: str, container: str, tail: int, since: float | None) -> Iterator[str]:
        pending = b""
        opened: list[_Watched] = []
        with self._client(opened) as client, self._errors(name):
            chunks = client.logs(
                container, stdout=True, stderr=True, stream=True, follow=True, tail=tail, since=since or None
            )
            for chunk in chunks:
                *whole, pending = (pending + chunk).split(b"\n")
                yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
            # docker 7.2's CancellableStream takes a broken stream for the end of the log.
            if any(stream.ended for stream in opened):
                raise ConnectionResetError("the stream ended early")
        if pending:
            yield pending.decode(errors="replace")

    @contextlib.contextmanager
    def _client(self, opened: list[_Watched]) -> Iterator[Any]:
        """A client of the SDK; the streams that it opens are added to `opened`."""

        def new_stream() -> _Watched:
            opened.append(_Watched(self._door.open()))
            self._open.append(opened[-1].stream)
            return opened[-1]

        client = docker.APIClient(base_url="tcp://docker:2375", version=self._api_version, timeout=_TIMEOUT)
        client.trust_env = False
        client.base_url = _BASE_URL
        client.mount(_BASE_URL, _Adapter(new_stream))
        try:
            yield client
        finally:
            client.close()

    @contextlib.contextmanager
    def _errors(self, container: str) -> Iterator[None]:
        where = self._door.where
        try:
            yield
        except NotFound as error:
            raise CouldNotFindOut(f"there is no container {container}", where=where) from error
        except APIError as error:
            raise CouldNotFindOut(
                f"no logs of {container}: {error.explanation or error}", where=where
            ) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise EngineUnavailable(
                f"the log stream of {container} broke off: {error}", where=where
            ) from error

    def _hang_up(self) -> None:
        for stream in self._open:
            with contextlib.suppress(OSError):
                if isinstance(stream, socket.socket):
                    # Closing alone does not wake a thread that reads.
                    stream.shutdown(socket.SHUT_RDWR)
                stream.close()


class _Watched:
    """A stream that remembers when it ended. The engine ends its answers in so many words, never by closing."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.ended = False

    def recv(self, size: int) -> bytes:
        data = self.stream.recv(size)
        self.ended = not data
        return data


class _Adapter(BaseHTTPAdapter):
    """A new stream for each request of the SDK."""

    def __init__(self, new_stream: Callable[[], _Watched]) -> None:
        super().__init__()
        self._new_stream = new_stream

    def get_connection(self, url: str | bytes, proxies: Any = None) -> Any:  # noqa: ARG002 - requests' signature
        return _Pool(self._new_stream)


class _Pool(urllib3.HTTPConnectionPool):
    def __init__(self, new_stream: Callable[[], _Watched]) -> None:
        super().__init__("docker", maxsize=1)
        self._new_stream = new_stream

    def _get_conn(self, timeout: Any = None) -> Any:  # noqa: ARG002 - urllib3's signature
        return _Connection(self._new_stream)

    def _put_conn(self, conn: Any) -> None:
        if conn:
            conn.close()


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, new_stream: Callable[[], _Watched]) -> None:
        super().__init__("docker")
        self._new_stream = new_stream

    def connect(self) -> None:
        self.sock: Any = _SdkSocket(self._new_stream())


class _SdkSocket:
    """As much of a socket as http.client and the SDK use."""

    def __init__(self, watched: _Watched) -> None:
        self._watched = watched
        self.sendall = watched.stream.sendall
        self.settimeout = watched.stream.settimeout
        self.close = watched.stream.close

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - http.client's signature
        return _SdkFile(self, self._watched)


class _SdkFile(io.BufferedReader):
    def __init__(self, channel: _SdkSocket, watched: _Watched) -> None:
        super().__init__(_Raw(watched))
        self.channel = channel


class _Raw(io.RawIOBase):
    def __init__(self, watched: _Watched) -> None:
        super().__init__()
        self._watched = watched

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        data = self._watched.recv(len(view))
        view[: len(data)] = data
        return len(data)
