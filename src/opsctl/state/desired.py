"""What the operator's files ask of each host, rendered: pure content, no I/O.

Everything here is complete before any connection is made; only the labels that carry fingerprints are added later,
because they are keyed by a secret that lives on the host (`opsctl.state.fingerprint`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsctl.model.checks import OwnCheck
from opsctl.model.fleet import NOWHERE, Place

ReactionKind = Literal["recreate", "reload", "signal", "restart", "none"]
Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a changed file asks of the container that mounts it.

    `command` is the argv run inside the container for `reload`; `signal` the name sent for `signal`. `check` is run there
    first, with the new file on its standard input.
    """

    kind: ReactionKind = "recreate"
    command: tuple[str, ...] = ()
    signal: str = ""
    check: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DesiredFile:
    """One file a service mounts.

    `path` is relative to the host's directory: `files/<service>/<target without its leading slash>`.
    `target` is the absolute path inside the container. With `mount == "directory"` the target's parent
    directory is bind-mounted, so that a rename on the host is seen inside; with "file" the file itself is.
    """

    path: str
    content: bytes = field(repr=False)
    mode: int
    target: str
    mount: Literal["file", "directory"] = "file"
    reaction: Reaction = Reaction()
    origin: Place = NOWHERE
    """The template, or the place in the stack file, that it comes from."""


@dataclass(frozen=True, slots=True)
class DesiredMerge:
    """Some keys of a file that lives on the host; `path` is absolute.

    `keys` is the tree of them. `meaning` is what it means in one text, the same for any order (`fingerprint_text` of
    `opsctl.merging.keys`). Both may hold secrets.
    """

    path: str
    form: Literal["yaml", "json"]
    keys: Mapping[str, Any] = field(repr=False)
    meaning: str = field(repr=False)
    reaction: Reaction = Reaction()
    origin: Place = NOWHERE

    @property
    def target(self) -> str:
        """What a cause calls it: opsctl does not know where the service mounts it."""
        return self.path


@dataclass(frozen=True, slots=True)
class Mention:
    """An image that `image()` named in a file or a text of a service; `digest` is "" where nothing pins it.

    `place` is where the text began that was being rendered: a template, or a line of a stack file.
    """

    image: str
    digest: str
    place: Place


@dataclass(frozen=True, slots=True)
class BuildFile:
    """One file of a build's context; `path` is relative to it."""

    path: str
    content: bytes = field(repr=False)
    mode: int


@dataclass(frozen=True, slots=True)
class Base:
    """An image that a Dockerfile names; `image` as it was written, with its arguments filled in, `pinned` as it is sent.

    The line of `place` is that of the rendered Dockerfile.
    """

    image: str
    pinned: str
    digest: str
    place: Place


@dataclass(frozen=True, slots=True)
class DesiredBuild:
    """An image that the host builds. `hash` (64 hex digits) covers everything that it is made of; `image` is its name.

    `files` is the whole context, sorted by path, the Dockerfile with digests where they are locked. `bases` are the images
    that it is built on.
    """

    hash: str
    image: str
    dockerfile: str
    files: tuple[BuildFile, ...] = field(repr=False)
    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    bases: tuple[Base, ...] = ()
    source: str = ""
    """Of the Dockerfile: `templates/…`."""
    mentions: tuple[Mention, ...] = ()
    """What image() names in its files."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One entry of depends_on. `restart`: restart the dependent after the dependency was recreated."""

    condition: Condition = "service_started"
    restart: bool = False


@dataclass(frozen=True, slots=True)
class DesiredDatabase:
    """A database that a service keeps for others. `login` is the role that `password` belongs to: `role` itself, or one of
    two that act as it. `secret` names where the password is from.
    """

    name: str
    role: str
    login: str
    password: str = field(repr=False)
    secret: str
    extensions: tuple[str, ...] = ()
    connection_limit: int | None = None
    member_of: tuple[str, ...] = ()
    connect: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DesiredService:
    """One service of a host.

    `definition` is the Compose mapping of the service as the compose template gave it, parsed, with plain (single) `$`
    and without any `opsctl.*` label. `env` holds the values that its env file will hold. Sizes are bytes, times seconds.
    """

    name: str
    stack: str
    source: str
    image: str
    """As the host runs it: pinned where images.lock.yaml or the stack file gives a digest."""
    definition: Mapping[str, Any] = field(repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: tuple[DesiredFile, ...] = ()
    merges: tuple[DesiredMerge, ...] = ()
    kind: Literal["service", "job"] = "service"
    on_demand: bool = False
    depends_on: Mapping[str, Dependency] = field(default_factory=dict)
    shares: frozenset[str] = frozenset()
    """Services whose network, ipc, pid namespace or volumes this one uses: recreated with them (compose-traps 3)."""
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    ports: tuple[DesiredPort, ...] = ()
    container_name: str = ""
    memory_limit: int | None = None
    memory_reservation: int | None = None
    memory_peak: int | None = None
    health_timeout: float = 120.0
    """Seconds that the container may take to become healthy (or a job to finish) before the deploy fails."""
    settle: float = 5.0
    """Seconds that a container without a healthcheck must run without restarting."""
    digest: str = ""
    """The digest that pins it; "" where its tag alone says what runs."""
    asked_image: str = ""
    """As it was written, rendered, before the lock was applied."""
    image_place: Place = NOWHERE
    """Where it was written: the stack, its overrides, or the compose template that has the last word."""
    mentions: tuple[Mention, ...] = ()
    build: DesiredBuild | None = None
    """Where its image is built on the host."""
    secrets: frozenset[str] = frozenset()
    """Names of the secrets that its environment and files were rendered with."""
    databases: tuple[DesiredDatabase, ...] = ()
    uses: Mapping[str, str] = field(default_factory=dict)
    """By the service that keeps it, the database that this one connects to."""
    checks: tuple[OwnCheck, ...] = field(default=(), repr=False)
    """What the stack file wants to be asked; no part of the container, and not covered by its fingerprint."""

    @property
    def known_secrets(self) -> frozenset[str]:
        """Those of its environment and files, and the passwords of the roles that it keeps."""
        return self.secrets | {one.secret for one in self.databases}

    @property
    def env_path(self) -> str:
        return f"env/{self.name}.env"

    @property
    def has_healthcheck(self) -> bool:
        check = self.definition.get("healthcheck")
        return (
            isinstance(check, Mapping)
            and not check.get("disable")
            and check.get("test") not in (["NONE"], "NONE")
        )


@dataclass(frozen=True, slots=True)
class DesiredPort:
    """One published port; `address` is "" where none was given (all addresses)."""

    address: str
    published: int
    protocol: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, slots=True)
class DesiredHost:
    """All that one host shall run: one Compose project.

    `networks` and `volumes` are Compose's top-level mappings, keyed by the name inside the file.
    `env_files` are the bytes of `env/<service>.env` by service (absent where a service has no env). `own_files` are files
    that belong to no service, by path below the directory, mode 0644.
    """

    name: str
    project: str
    directory: str
    services: Mapping[str, DesiredService]
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    volumes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    env_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    own_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    pulls: bool = True
    """Whether it gets images from registries; else `opsctl push-images` brings them."""


@dataclass(frozen=True, slots=True)
class Desired:
    """The rendering of one environment, hosts sorted by name.

    `unsettled` are secrets whose rotation is open in the store: whoever uses them is left as it is until that ends.
    """

    environment: str
    hosts: tuple[DesiredHost, ...]
    unsettled: frozenset[str] = frozenset()
