"""A repository of its own in the lab registry: manifests copied into it, variants of them, tags that move, digests that vanish."""

from __future__ import annotations

import hashlib
import http.client
import json
import uuid
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Repository:
    """`registry` is host:port and speaks plain HTTP; the name is not used by anybody else."""

    registry: str
    name: str = field(default_factory=lambda: f"lab/pins-{uuid.uuid4().hex[:8]}")

    @property
    def image(self) -> str:
        """The repository as a stack file names it."""
        return f"{self.registry}/{self.name}"

    def copy(self, source: str, reference: str, *tags: str) -> str:
        """Another repository's image under these tags here; gives its digest."""
        manifest = self._ask("GET", f"/v2/{source}/manifests/{reference}", headers={"Accept": MANIFEST})
        for blob in self._blobs(manifest):
            self._ask("POST", f"/v2/{self.name}/blobs/uploads/?mount={blob}&from={source}", want=(201,))
        return self.put(manifest, MANIFEST, *tags)

    def variant(self, of: str, word: str, *tags: str, architecture: str = "") -> str:
        """The same image with one more label, so that it has another digest; gives that."""
        manifest = json.loads(
            self._ask("GET", f"/v2/{self.name}/manifests/{of}", headers={"Accept": MANIFEST})
        )
        path = f"/v2/{self.name}/blobs/{manifest['config']['digest']}"
        config = json.loads(self._ask("GET", path))
        config["config"].setdefault("Labels", None)
        config["config"]["Labels"] = {**(config["config"]["Labels"] or {}), "variant": word}
        if architecture:
            config["architecture"] = architecture
        data = json.dumps(config).encode()
        self._blob(data)
        manifest["config"] |= {"digest": digest_of(data), "size": len(data)}
        return self.put(json.dumps(manifest).encode(), MANIFEST, *tags)

    def index(self, children: dict[str, str], *tags: str) -> str:
        """An index of manifests of this repository, digests by platform `os/architecture`; gives its digest."""
        entries = []
        for platform, child in children.items():
            system, _, architecture = platform.partition("/")
            size = len(self._ask("GET", f"/v2/{self.name}/manifests/{child}", headers={"Accept": MANIFEST}))
            entries.append(
                {
                    "mediaType": MANIFEST,
                    "digest": child,
                    "size": size,
                    "platform": {"os": system, "architecture": architecture},
                }
            )
        data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        return self.put(data, INDEX, *tags)

    def put(self, manifest: bytes, kind: str, *tags: str) -> str:
        """Under these tags, or under its digest alone."""
        for tag in tags or (digest_of(manifest),):
            path = f"/v2/{self.name}/manifests/{tag}"
            self._ask("PUT", path, manifest, headers={"Content-Type": kind}, want=(201,))
        return digest_of(manifest)

    def delete(self, digest: str) -> None:
        """The manifest and every tag of it."""
        self._ask("DELETE", f"/v2/{self.name}/manifests/{digest}", want=(202,))

    def _blobs(self, manifest: bytes) -> list[str]:
        read: dict[str, Any] = json.loads(manifest)
        return [read["config"]["digest"], *(layer["digest"] for layer in read["layers"])]

    def _blob(self, data: bytes) -> None:
        with closing(self._connection()) as connection:
            connection.request("POST", f"/v2/{self.name}/blobs/uploads/")
            answer = connection.getresponse()
            answer.read()
            location = answer.headers["Location"]
        path = location.removeprefix(f"http://{self.registry}")
        join = "&" if "?" in path else "?"
        self._ask("PUT", f"{path}{join}digest={digest_of(data)}", data, want=(201,))

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: dict[str, str] | None = None,
        want: tuple[int, ...] = (200,),
    ) -> bytes:
        with closing(self._connection()) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            data = answer.read()
        assert answer.status in want, f"{method} {path}: {answer.status} {data[:300]!r}"
        return data

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.registry, timeout=10)
