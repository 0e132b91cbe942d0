"""A repository of its own in the lab registry: manifests copied into it, variants of them, tags that move, digests that vanish."""

from __future__ import annotations

import hashlib
import http.client
import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
# Without compression: Docker 20.10 and distribution 2.8.2 take it, and write it nowhere themselves.
LAYER = "application/vnd.docker.image.rootfs.diff.tar"


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
            self.mount(blob, source)
        return self.put(manifest, MANIFEST, *tags)

    def mount(self, blob: str, source: str) -> None:
        """A blob of another repository in this one too."""
        self._ask("POST", f"/v2/{self.name}/blobs/uploads/?mount={blob}&from={source}", want=(201,))

    def manifest(self, reference: str) -> dict[str, Any]:
        path = f"/v2/{self.name}/manifests/{reference}"
        read: dict[str, Any] = json.loads(self._ask("GET", path, headers={"Accept": MANIFEST}))
        return read

    def blob(self, digest: str) -> bytes:
        return self._ask("GET", f"/v2/{self.name}/blobs/{digest}")

    def has(self, digest: str) -> bool:
        with closing(self._connection()) as connection:
            connection.request("HEAD", f"/v2/{self.name}/blobs/{digest}")
            return connection.getresponse().status == http.HTTPStatus.OK

    def put_image(self, config: bytes, layers: Sequence[Mapping[str, Any]], *tags: str) -> str:
        """An image of these layers, which are here already; gives its digest."""
        self._blob(config)
        entry = {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": entry, "layers": list(layers)}
        return self.put(json.dumps(manifest).encode(), MANIFEST, *tags)

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

    def begin(self) -> str:
        """The path of a new upload."""
        with closing(self._connection()) as connection:
            connection.request("POST", f"/v2/{self.name}/blobs/uploads/")
            answer = connection.getresponse()
            answer.read()
            return answer.headers["Location"].removeprefix(f"http://{self.registry}")

    def end(self, location: str, digest: str, data: bytes = b"", *, seconds: float = 10) -> None:
        """The upload, with its last bytes, is the blob of that digest."""
        path = location.removeprefix(f"http://{self.registry}")
        join = "&" if "?" in path else "?"
        self._ask("PUT", f"{path}{join}digest={digest}", data, want=(201,), seconds=seconds)

    def _blob(self, data: bytes) -> None:
        self.end(self.begin(), digest_of(data), data)

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: dict[str, str] | None = None,
        want: tuple[int, ...] = (200,),
        seconds: float = 10,
    ) -> bytes:
        with closing(self._connection(seconds)) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            data = answer.read()
        assert answer.status in want, f"{method} {path}: {answer.status} {data[:300]!r}"
        return data

    def _connection(self, seconds: float = 10) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.registry, timeout=seconds)
