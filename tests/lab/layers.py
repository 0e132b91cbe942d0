"""Images of programs that this machine has: layers that are tar files of its folders, put over the base of the lab's images.

Nothing is built by an engine and nothing is compressed: a layer goes to the registry while it is packed.
"""

from __future__ import annotations

import fnmatch
import hashlib
import http.client
import io
import json
import stat
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from tests.lab.repository import LAYER, Repository

BASE = ("lab/whoami", "1.0.0")
"""Its first layer is the lab's Debian, with sh, wget, curl and Python; its other layers are its own."""
_PUSHING = 300
"""Seconds that the registry may take for one piece, or for the end of a layer."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Tree:
    """A file or folder of this machine at `target`; names that a pattern of `without` fits are left out, wherever they are.

    What is at /bin or /lib goes below /usr: in Debian's tree those are links, which a folder in a layer would replace.
    """

    source: Path
    target: str
    without: tuple[str, ...] = ()

    def members(self) -> Iterator[tuple[tarfile.TarInfo, Path | None]]:
        yield from self._walk(self.source, self.target.strip("/"))

    def _walk(self, path: Path, name: str) -> Iterator[tuple[tarfile.TarInfo, Path | None]]:
        facts = path.lstat()
        member = _member(name, stat.S_IMODE(facts.st_mode) | 0o444)
        if stat.S_ISLNK(facts.st_mode):
            member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
            yield member, None
        elif stat.S_ISREG(facts.st_mode):
            member.size = facts.st_size
            yield member, path
        elif stat.S_ISDIR(facts.st_mode):
            member.type, member.mode = tarfile.DIRTYPE, member.mode | 0o111
            yield member, None
            for entry in sorted(path.iterdir()):
                if not any(fnmatch.fnmatch(entry.name, one) for one in self.without):
                    yield from self._walk(entry, f"{name}/{entry.name}")


@dataclass(frozen=True, slots=True)
class Text:
    target: str
    content: str
    mode: int = 0o644

    def members(self) -> Iterator[tuple[tarfile.TarInfo, io.BytesIO]]:
        data = self.content.encode()
        member = _member(self.target, self.mode)
        member.size = len(data)
        yield member, io.BytesIO(data)


@dataclass(frozen=True, slots=True)
class Link:
    target: str
    to: str

    def members(self) -> Iterator[tuple[tarfile.TarInfo, None]]:
        member = _member(self.target, 0o777)
        member.type, member.linkname = tarfile.SYMTYPE, self.to
        yield member, None


@dataclass(frozen=True, slots=True)
class Folder:
    """An empty folder that belongs to a user of that number, and to the group of the same."""

    target: str
    owner: int

    def members(self) -> Iterator[tuple[tarfile.TarInfo, None]]:
        member = _member(self.target, 0o755)
        member.type, member.uid, member.gid = tarfile.DIRTYPE, self.owner, self.owner
        yield member, None


Part = Tree | Text | Link | Folder


@dataclass(frozen=True, slots=True)
class Layer:
    """Everything but a Folder belongs to root."""

    name: str
    parts: tuple[Part, ...]

    @property
    def recipe(self) -> str:
        """Another one where the layer would be another: its parts, when the tops of its trees were changed, and this file."""
        times = [one.source.stat().st_mtime_ns for one in self.parts if isinstance(one, Tree)]
        parts = [[type(one).__name__, asdict(one)] for one in self.parts]
        text = json.dumps([parts, times, Path(__file__).read_text()], default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def pack(self, out: IO[bytes]) -> None:
        """As a tar file, without compression. Of two with one name the first is there: an engine refuses both."""
        packed: set[str] = set()
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_PIECE) as archive:
            for part in self.parts:
                for member, content in part.members():
                    if member.name in packed:
                        continue
                    packed.add(member.name)
                    if isinstance(content, Path):
                        with content.open("rb") as file:
                            archive.addfile(member, file)
                    else:
                        archive.addfile(member, content)


@dataclass(frozen=True, slots=True)
class Image:
    """`config` is what a Dockerfile would say, in the words of an image's configuration: User, Entrypoint, Cmd, Env …"""

    path: str
    tag: str
    layers: tuple[Layer, ...]
    config: Mapping[str, Any] = field(default_factory=dict)


def publish(registry: str, image: Image, notes: Path) -> None:
    """The image at `path:tag` of the registry. A layer that the registry has from another time is not packed again: `notes` is
    the folder where its digest is written down.
    """
    base = Repository(registry, BASE[0])
    manifest = base.manifest(BASE[1])
    config = json.loads(base.blob(manifest["config"]["digest"]))
    target = Repository(registry, image.path)
    first = manifest["layers"][0]
    target.mount(first["digest"], base.name)
    layers, contents = [first], config["rootfs"]["diff_ids"][:1]
    for layer in image.layers:
        digest, size = _kept(registry, layer, notes)
        target.mount(digest, _shelf(registry).name)
        layers.append({"mediaType": LAYER, "digest": digest, "size": size})
        contents.append(digest)
    path = next(one for one in config["config"]["Env"] if one.startswith("PATH="))
    said = {**image.config, "Env": [path, *image.config.get("Env", [])]}
    made = {
        "architecture": config["architecture"],
        "os": config["os"],
        "config": said,
        "rootfs": {"type": "layers", "diff_ids": contents},
    }
    target.put_image(json.dumps(made).encode(), layers, image.tag)


def _shelf(registry: str) -> Repository:
    """Where layers are kept; images take them from there."""
    return Repository(registry, "lab/layers")


def _kept(registry: str, layer: Layer, notes: Path) -> tuple[str, int]:
    note = notes / f"{layer.name}.layer.json"
    if note.exists():
        known = json.loads(note.read_text())
        if known["recipe"] == layer.recipe and _shelf(registry).has(known["digest"]):
            return known["digest"], known["size"]
    recipe = layer.recipe
    digest, size = _push(_shelf(registry), layer)
    note.write_text(json.dumps({"recipe": recipe, "digest": digest, "size": size}))
    return digest, size


def _push(shelf: Repository, layer: Layer) -> tuple[str, int]:
    with closing(http.client.HTTPConnection(shelf.registry, timeout=_PUSHING)) as connection:
        connection.putrequest("PATCH", shelf.begin())
        connection.putheader("Content-Type", "application/octet-stream")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        sending = _Sending(connection)
        layer.pack(cast("IO[bytes]", sending))
        connection.send(b"0\r\n\r\n")
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == http.HTTPStatus.ACCEPTED, f"{layer.name}: {answer.status} {said[:300]!r}"
        shelf.end(answer.headers["Location"], sending.digest, seconds=_PUSHING)
    return sending.digest, sending.size


class _Sending:
    """What is written to it goes out as chunks, and is hashed and counted."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        if data:
            self._connection.send(b"%x\r\n" % len(data))
            self._connection.send(data)
            self._connection.send(b"\r\n")
            self._hash.update(data)
            self.size += len(data)
        return len(data)

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def _member(name: str, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name.strip("/"))
    member.mode = mode
    return member
