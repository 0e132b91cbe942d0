"""What one look at a host found. Times are seconds since the epoch, sizes bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ContainerState = Literal["created", "running", "paused", "restarting", "removing", "exited", "dead"]
Health = Literal["", "starting", "healthy", "unhealthy"]

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
ONEOFF_LABEL = "com.docker.compose.oneoff"
WORKING_DIR_LABEL = "com.docker.compose.project.working_dir"
NETWORK_LABEL = "com.docker.compose.network"
VOLUME_LABEL = "com.docker.compose.volume"
BUILD_LABEL = "opsctl.build-hash"


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port of the host that a container holds; `address` is "0.0.0.0", "::" or a single address."""

    address: str
    published: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Mount:
    """`source` is the path on the host for a bind, the volume's name for a volume."""

    kind: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Inspected:
    """What only an inspection of a single container tells."""

    started_at: float
    finished_at: float
    exit_code: int
    oom_killed: bool
    restart_count: int
    pid: int
    env: Mapping[str, str] = field(repr=False)
    memory_limit: int = 0
    health_log: tuple[str, ...] = ()
    """The last outputs of the healthcheck, oldest first."""


@dataclass(frozen=True, slots=True)
class ObservedContainer:
    """One container of the host, ours or foreign, as the engine's list tells it."""

    id: str
    name: str
    image: str
    image_id: str
    state: ContainerState
    health: Health
    created: float
    labels: Mapping[str, str] = field(default_factory=dict)
    networks: frozenset[str] = frozenset()
    ports: tuple[PublishedPort, ...] = ()
    mounts: tuple[Mount, ...] = ()
    exit_code: int | None = None
    """From the list's status text; None while it runs."""
    inspected: Inspected | None = None

    @property
    def project(self) -> str:
        return self.labels.get(PROJECT_LABEL, "")

    @property
    def service(self) -> str:
        return self.labels.get(SERVICE_LABEL, "")

    @property
    def oneoff(self) -> bool:
        return self.labels.get(ONEOFF_LABEL, "False").lower() == "true"


@dataclass(frozen=True, slots=True)
class ObservedFile:
    """A file under the host's directory. `content` is there only where it differs from the desired bytes."""

    path: str
    sha256: str
    mode: int
    content: bytes | None = field(default=None, repr=False)


MergedState = Literal["file", "missing", "link", "odd", "locked", "large"]


@dataclass(frozen=True, slots=True)
class ObservedMerged:
    """A file that opsctl owns some keys of, at its absolute path.

    `content` is there only for a "file". A "link" leads through a symbolic link to `real`; "odd" is no regular file; "locked"
    cannot be read, or not be replaced without changing its owner; "large" is above the bound of the look.
    """

    path: str
    state: MergedState
    content: bytes = field(default=b"", repr=False)
    real: str = ""


@dataclass(frozen=True, slots=True)
class ObservedNetwork:
    """A network of the engine, with the ids of the containers that are attached to it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True)
class ObservedVolume:
    name: str
    driver: str
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resources:
    """Of the host: bytes. `disk_*` is the file system that holds the directory."""

    memory_total: int = 0
    memory_available: int = 0
    disk_total: int = 0
    disk_available: int = 0


@dataclass(frozen=True, slots=True)
class InnerFile:
    """What the container itself sees of a mounted file; sha256 None: it could not be read (inconclusive)."""

    service: str
    target: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at one host.

    `files` holds every file found under env/ and files/, by relative path. `compose` is the present compose.yml.
    `owed` are the markers left by pushes whose reaction was not yet done: (service, reaction kind).
    `held` are services that `opsctl stop` keeps down; `rotating` are secrets whose rotation is open, with what the
    marker says of it (JSON). `images` maps every reference that the engine has locally (RepoTags
    and RepoDigests as the engine writes them, e.g. "redis:7", "ghcr.io/a/b@sha256:…") to the image's id.
    """

    host: str
    key: bytes | None = field(default=None, repr=False)
    compose: bytes | None = None
    files: Mapping[str, ObservedFile] = field(default_factory=dict)
    merged: Mapping[str, ObservedMerged] = field(default_factory=dict)
    """By absolute path, the files that the host's services own keys of."""
    merge_records: Mapping[str, str] = field(default_factory=dict)
    """By its name in `.opsctl/merged`, what an earlier run wrote down of such a file."""
    containers: tuple[ObservedContainer, ...] = ()
    networks: Mapping[str, ObservedNetwork] = field(default_factory=dict)
    volumes: Mapping[str, ObservedVolume] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    built: Mapping[str, str] = field(default_factory=dict)
    """By the hash that its label holds, the id of each image that opsctl built, whatever it is called now."""
    image_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """Environment that comes with an image, by image id, for the containers that were inspected."""
    inner: tuple[InnerFile, ...] = ()
    owed: frozenset[tuple[str, str]] = frozenset()
    owed_at: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """By marker, when it was last left, on the host's clock."""
    held: frozenset[str] = frozenset()
    rotating: Mapping[str, str] = field(default_factory=dict)
    ensured: Mapping[str, str] = field(default_factory=dict)
    """By service that keeps databases, what was made there (JSON, no values)."""
    resources: Resources = Resources()
    engine_version: str = ""
    now: float = 0.0
    """The host's clock at the look."""
