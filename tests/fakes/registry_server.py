"""A small registry on a real socket, over TLS where it is given a certificate, that can be told to misbehave.

    with RegistryServer() as server:
        pushed = server.push("team/app:1.0", platforms=["linux/amd64", "linux/arm64/v8"])
        server.on("/v2/team/app/manifests/1.0", Reply(429, headers={"Retry-After": "3"}), GO_ON)
        ...
        assert server.asked == ["HEAD /v2/team/app/manifests/1.0", ...]

What is held against a real registry is in tests/lab.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Reply:
    """`hangs`: nothing is answered. `drips`: a byte of the body every so many seconds, `drip_head`: of the headers. `breaks`: the connection is cut
    after this many bytes of the body. `raw` is written in place of an HTTP answer.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    drips: float = 0.0
    drip_head: float = 0.0
    breaks: int | None = None
    raw: bytes | None = None


GO_ON = Reply(status=0)
"""As if nothing had been programmed."""
Effect = Reply | Callable[[Asked], Reply]


def json_reply(document: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})


def error_reply(status: int, code: str, message: str = "", **headers: str) -> Reply:
    """As the distribution-spec has errors."""
    return json_reply({"errors": [{"code": code, "message": message}]}, status, **headers)


class RegistryServer(ThreadingHTTPServer):
    """`guard` sees each request first; a Reply of it other than None is the answer."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.address = address
        self.scheme = "https" if tls else "http"
        self.seen: list[Asked] = []
        self.connections = 0
        self.guard: Callable[[Asked], Reply | None] = lambda asked: None
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        """Media type and content by repository, and tag or digest."""
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.tags: dict[str, list[str]] = {}
        self.stopping = threading.Event()
        self._programmed: dict[str, list[Effect]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def host(self) -> str:
        """As the registry's name."""
        return f"{self.address}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def asked(self) -> list[str]:
        return [str(asked) for asked in self.seen]

    def on(self, path: str, *effects: Effect) -> None:
        """Answer so to a path with any method, one after the other; the last one stays."""
        self._programmed[path] = list(effects)

    def push(
        self,
        image: str,
        *,
        platforms: Sequence[str] = ("linux/amd64",),
        index: str = OCI_INDEX,
        manifest: str = OCI_MANIFEST,
        salt: str = "",
    ) -> str:
        """An index where there are several platforms, else a single manifest; the digest that its tag then names."""
        repository, _, tag = image.rpartition(":")
        singles = [self._single(repository, platform, manifest, salt) for platform in platforms]
        media_type, content = manifest, singles[0]
        if len(platforms) > 1:
            listed = [
                {
                    "mediaType": manifest,
                    "digest": digest_of(single),
                    "size": len(single),
                    "platform": _parts(platform),
                }
                for single, platform in zip(singles, platforms, strict=True)
            ]
            media_type = index
            content = json.dumps({"schemaVersion": 2, "mediaType": index, "manifests": listed}).encode()
        return self.put(repository, tag, media_type, content)

    def put(self, repository: str, tag: str, media_type: str, content: bytes) -> str:
        """Any content as a manifest, by tag and by digest."""
        for name in (tag, digest_of(content)):
            self.manifests[repository, name] = (media_type, content)
        self.tags.setdefault(repository, []).append(tag)
        return digest_of(content)

    def _single(self, repository: str, platform: str, media_type: str, salt: str) -> bytes:
        config = json.dumps({**_parts(platform), "created": salt}).encode()
        self.blobs[repository, digest_of(config)] = config
        told = {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)}
        content = json.dumps(
            {"schemaVersion": 2, "mediaType": media_type, "config": told, "layers": []}
        ).encode()
        self.manifests[repository, digest_of(content)] = (media_type, content)
        return content

    def answer(self, asked: Asked) -> Reply:
        with self._lock:
            self.seen.append(asked)
            waiting = self._programmed.get(asked.path, [])
            effect: Effect = GO_ON if not waiting else waiting[0] if len(waiting) == 1 else waiting.pop(0)
        if guarded := self.guard(asked):
            return guarded
        reply = effect if isinstance(effect, Reply) else effect(asked)
        return self._registry(asked) if reply is GO_ON else reply

    def _registry(self, asked: Asked) -> Reply:
        repository, kind, name = _taken_apart(asked.path)
        if kind == "tags":
            return self._tags(asked, repository)
        if kind == "blobs":
            blob = self.blobs.get((repository, name))
            return Reply(body=blob) if blob is not None else error_reply(404, "BLOB_UNKNOWN", "blob unknown")
        if repository not in self.tags:
            return error_reply(404, "NAME_UNKNOWN", "repository name not known to registry")
        if (repository, name) not in self.manifests:
            return error_reply(404, "MANIFEST_UNKNOWN", "manifest unknown")
        media_type, content = self.manifests[repository, name]
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest_of(content)}
        return Reply(body=content, headers=headers)

    def _tags(self, asked: Asked, repository: str) -> Reply:
        if repository not in self.tags:
            return error_reply(404, "NAME_UNKNOWN", "repository name not known to registry")
        size = min(int(asked.query.get("n", ["1000"])[0]), 1000)
        begin = int(asked.query.get("last", ["0"])[0])
        names = list(dict.fromkeys(self.tags[repository]))
        reply = json_reply({"name": repository, "tags": names[begin : begin + size]})
        if begin + size < len(names):
            link = f'</v2/{repository}/tags/list?last={begin + size}&n={size}>; rel="next"'
            reply = replace(reply, headers={**reply.headers, "Link": link})
        return reply

    def handle_error(self, request: Any, client_address: Any) -> None:
        """What clients break off is part of the tests."""


def _parts(platform: str) -> dict[str, str]:
    return dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))


def _taken_apart(path: str) -> tuple[str, str, str]:
    """Repository, kind and name of /v2/REPOSITORY/KIND/NAME."""
    repository, _, name = path.removeprefix("/v2/").rpartition("/")
    repository, _, kind = repository.rpartition("/")
    return repository, kind, name


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: RegistryServer

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, parts.path, parse_qs(parts.query), dict(self.headers.items()), body)
        self._write(self.server.answer(asked))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def _write(self, reply: Reply) -> None:
        if reply.hangs:
            self.server.stopping.wait(30)
            self.close_connection = True
            return
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            self.close_connection = True
            return
        if reply.drip_head:
            lines = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
            self._drip(f"HTTP/1.1 {reply.status} OK\r\n{lines}\r\n".encode(), reply.drip_head)
            return
        self.send_response(reply.status)
        headers = {"Content-Length": str(len(reply.body)), **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._write_body(reply)

    def _write_body(self, reply: Reply) -> None:
        if reply.breaks is not None:
            self.wfile.write(reply.body[: reply.breaks])
            self.close_connection = True
            return
        if not reply.drips:
            self.wfile.write(reply.body)
            return
        self._drip(reply.body, reply.drips)

    def _drip(self, content: bytes, seconds: float) -> None:
        with contextlib.suppress(OSError):
            for byte in content:
                self.wfile.write(bytes([byte]))
                if self.server.stopping.wait(seconds):
                    return
