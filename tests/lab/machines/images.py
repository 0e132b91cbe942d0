"""The lab's images: built once by a lab engine, kept as the content of a registry."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.lab.machines import boot, network, requirements, rootfs
from tests.lab.machines.layout import BUILDER, CACHE, IMAGE_SOURCES, MACHINE_ADDRESS
from tests.lab.machines.processes import run
from tests.lab.machines.progress import step
from tests.lab.machines.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BUILDING_PORT: Final = 5001
KEEP: Final = 2
"""How many sets of images stay cached: enough for two checkouts to share a machine."""

APPLETS: Final = (
    *("[", "awk", "cat", "chmod", "chown", "cp", "cut", "date", "df", "echo", "env", "expr", "false", "find"),
    *("grep", "head", "hostname", "httpd", "id", "ip", "kill", "ln", "ls", "mkdir", "mktemp", "mv", "nc"),
    *("nslookup", "od", "ping", "pgrep", "printf", "ps", "pwd", "rm", "sed", "seq", "sh", "sha256sum"),
    *(
        "sleep",
        "sort",
        "stat",
        "sync",
        "tail",
        "tar",
        "tee",
        "test",
        "timeout",
        "touch",
        "tr",
        "true",
        "uname",
        "vi",
    ),
    *("wc", "which", "whoami", "xargs"),
)
"""The commands of the tiny image: links to BusyBox."""


SERIES: Final = {"postgres": "15-bookworm", "redis": "7.0-bookworm"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """One image: its folder of sources, its tag, and the build arguments of its Dockerfile."""

    name: str
    tag: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    series: str = ""
    """A second tag that stays when Debian publishes the next point release."""

    @property
    def references(self) -> tuple[str, ...]:
        """Names in the registry: lab/NAME, and library/NAME for docker.io/library/NAME."""
        tags = [self.tag, self.series] if self.series else [self.tag]
        return tuple(f"{path}/{self.name}:{tag}" for tag in tags for path in ("lab", "library"))


@dataclass(frozen=True, slots=True)
class ImageSet:
    """The images of one state of the sources, as a registry's content."""

    folder: Path
    references: tuple[str, ...]
    """Such as "lab/postgres:15.18", without the registry's address."""

    @property
    def digest(self) -> str:
        """Name the state of the sources the images were built from."""
        return self.folder.name

    @property
    def content(self) -> Path:
        """The storage folder of a registry that holds them."""
        return self.folder / "registry"


def ensure() -> ImageSet:
    """Give the images of the sources as they are now; build them if nobody has yet."""
    folder = CACHE / "images" / _sources_digest()
    listing = folder / "references.json"
    if not listing.exists():
        rootfs.ensure_base()
        with step("building and pushing the lab images (about 40 s)"):
            _build(folder)
    folder.touch()
    _forget_old_sets()
    return ImageSet(folder, tuple(json.loads(listing.read_text())))


def _recipes() -> list[Recipe]:
    versions = rootfs.package_versions()
    return [
        Recipe("postgres", versions["postgresql-15"], series=SERIES["postgres"]),
        Recipe("redis", versions["redis-server"], series=SERIES["redis"]),
        Recipe("caddy", requirements.CADDY_DISTRIBUTION[1]),
        Recipe("sleeper", "1.0.0"),
        *(Recipe("whoami", version, {"VERSION": version}) for version in ("1.0.0", "1.1.0")),
    ]


def _sources_digest() -> str:
    digest = hashlib.sha256(repr((rootfs.base_digest(), APPLETS, SERIES)).encode())
    digest.update(repr(requirements.CADDY_DISTRIBUTION).encode())
    for path in sorted(IMAGE_SOURCES.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(IMAGE_SOURCES)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _forget_old_sets() -> None:
    sets = sorted((CACHE / "images").iterdir(), key=lambda folder: folder.stat().st_mtime)
    for folder in sets[:-KEEP]:
        shutil.rmtree(folder)


def _build(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    registry = Registry(BUILDING_PORT, folder / "registry")
    network.ensure_bridge()
    registry.stop()
    registry.start()
    try:
        with _builder(), tempfile.TemporaryDirectory() as scratch:
            _docker("import", str(rootfs.ensure_base()), "lab-base")
            _build_one(Path(scratch), Recipe("tiny", "latest"), "lab-tiny")
            references = [name for recipe in _recipes() for name in _publish(scratch, recipe)]
    finally:
        registry.stop()
    (folder / "references.json").write_text(json.dumps(references))


@contextmanager
def _builder() -> Iterator[None]:
    boot.boot(BUILDER)
    try:
        yield
    finally:
        boot.remove(BUILDER)


def _publish(scratch: str, recipe: Recipe) -> tuple[str, ...]:
    _build_one(Path(scratch), recipe, recipe.references[0])
    for reference in recipe.references:
        target = f"{MACHINE_ADDRESS}:{BUILDING_PORT}/{reference}"
        _docker("tag", recipe.references[0], target)
        _docker("push", "--quiet", target)
    return recipe.references


def _build_one(scratch: Path, recipe: Recipe, tag: str) -> None:
    context = scratch / recipe.name
    shutil.copytree(IMAGE_SOURCES / recipe.name, context, dirs_exist_ok=True)
    if recipe.name == "tiny":
        _fill_tiny(context / "rootfs")
    if recipe.name == "caddy":
        shutil.copy(requirements.caddy_binary(), context / "caddy")
    arguments = [f"--build-arg={name}={value}" for name, value in recipe.arguments.items()]
    _docker("build", "--quiet", "--network=none", *arguments, "--tag", tag, str(context))


def _fill_tiny(root: Path) -> None:
    for folder in ("bin", "etc/ssl/certs", "root", "tmp", "var/run"):
        (root / folder).mkdir(parents=True)
    shutil.copy("/usr/bin/busybox", root / "bin")
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    _copy_certificates(root / "etc/ssl/certs/ca-certificates.crt")


def _copy_certificates(target: Path) -> None:
    name = "./etc/ssl/certs/ca-certificates.crt"
    with tarfile.open(rootfs.ensure_base()) as archive:
        member = archive.extractfile(name)
        target.write_bytes(member.read() if member else b"")


def _docker(*words: str) -> None:
    # Debian's client by its path: another /usr/local/bin/docker may come first on a machine.
    classic = {"DOCKER_BUILDKIT": "0", "DOCKER_CONFIG": "/nonexistent"}
    run(["/usr/bin/docker", "-H", f"unix://{BUILDER.docker_socket}", *words], env=classic)
