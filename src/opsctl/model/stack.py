"""A stack file: services, networks and volumes, with opsctl's own keys beside Compose's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from opsctl.model.checks import OwnCheck
from opsctl.model.databases import Connection, Database, Identifier
from opsctl.model.frozen import Frozen
from opsctl.model.sites import Site
from opsctl.model.values import (
    Day,
    Duration,
    EnvKey,
    Mode,
    Name,
    Size,
    Target,
    TemplatePath,
    Unfit,
    check_name,
)
from opsctl.model.waivers import Waiver

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]
_SIGNAL = re.compile(r"(?:SIG)?[A-Z][A-Z0-9+-]*")
_FORMATS: dict[str, Literal["yaml", "json"]] = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}


class SecretRef(Frozen):
    """`{secret: name}`: the whole value is that secret."""

    secret: Name


def read_env_value(value: Any) -> Any:
    """A SecretRef from `{secret: name}`; text stays. Raises Unfit."""
    if isinstance(value, dict) and set(value) == {"secret"}:
        return SecretRef(secret=check_name(value["secret"]))
    if not isinstance(value, str | SecretRef):
        raise Unfit("must be text or {secret: name}")
    return value


def secret_of(value: Any) -> str:
    """The name in `{secret: name}`, wherever data may hold one; "" for all else. Raises Unfit."""
    is_reference = isinstance(value, dict) and set(value) == {"secret"} and isinstance(value["secret"], str)
    return check_name(value["secret"]) if is_reference else ""


EnvValue = Annotated[str | SecretRef, BeforeValidator(read_env_value)]
"""Text is a Jinja template; numbers and booleans of the file arrive here as Compose would write them."""


class DependsOn(Frozen):
    condition: Condition = "service_started"
    restart: bool = False


# moby daemon/daemon_unix.go, linuxMinMemory; 20.10.24 answers "Minimum memory reservation allowed is 6MB".
LEAST_MEMORY = 6 * 1024**2


class Memory(Frozen):
    """Bytes. `peak` is what was measured or is expected, for the table of the memory policy."""

    limit: Size | None = None
    reservation: Size | None = None
    peak: Size | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.limit is not None and self.reservation is not None and self.reservation > self.limit:
            raise Unfit("the memory reservation is above the limit")
        for name, size in (("limit", self.limit), ("reservation", self.reservation)):
            if size is not None and size < LEAST_MEMORY:
                raise Unfit(
                    f"the memory {name} is below what the Docker engine accepts", "give it 6MiB or more"
                )
        return self


class OnChange(Frozen):
    """What a change of the file asks for; `reload` is an argv run in the container, `signal` a signal's name.

    `check` is an argv too: it gets the new file on its standard input before the old one is replaced, and refuses it by its
    exit code.
    """

    kind: Literal["recreate", "reload", "signal", "restart", "none"] = "recreate"
    command: tuple[str, ...] = ()
    signal: str = ""
    check: tuple[str, ...] = ()


def read_on_change(value: Any) -> Any:
    """OnChange from `recreate`, `restart`, `none`, `{reload: [word, …]}` or `{signal: SIGHUP}`, the last two also with
    `check: [word, …]`. Raises Unfit.
    """
    match value:
        case OnChange() | {"kind": _}:
            return value
        case "recreate" | "restart" | "none":
            return {"kind": value}
        case {"reload": words, **rest} if _are_words(words) and _is_check(rest):
            return {"kind": "reload", "command": tuple(words), **rest}
        case {"signal": str(signal), **rest} if _SIGNAL.fullmatch(signal) and _is_check(rest):
            return {"kind": "signal", "signal": signal, **rest}
    raise Unfit(
        "on_change cannot be read",
        "write recreate, restart, none, {reload: [command, argument]} (words, run in the container) or {signal: SIGHUP}",
    )


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) and word for word in value)


def _is_check(rest: Mapping[Any, Any]) -> bool:
    """Whether this is nothing, or a check alone."""
    return not rest or (set(rest) == {"check"} and _are_words(rest["check"]))


class FileSpec(Frozen):
    """A file to mount. Exactly one of `template` (in templates/, rendered), `source` (in templates/, byte for byte) and
    `content` (text in the stack file, rendered).
    """

    target: Target
    template: TemplatePath | None = None
    source: TemplatePath | None = None
    content: str | None = None
    mode: Mode = 0o644
    mount: Literal["file", "directory"] = "file"
    on_change: Annotated[OnChange, BeforeValidator(read_on_change)] = OnChange()

    @model_validator(mode="after")
    def _is_meant(self) -> Self:
        given = [name for name in ("template", "source", "content") if getattr(self, name) is not None]
        if len(given) != 1:
            raise Unfit(
                f"{' and '.join(given)} are both given" if given else "has no content",
                "give one of template (rendered), source (byte for byte), content (text, rendered)",
            )
        if self.on_change.kind != "recreate" and self.mount == "file":
            raise Unfit(
                f"on_change: {self.on_change.kind} needs mount: directory",
                "a container keeps seeing the old file behind a single-file mount; mount: directory mounts the folder of "
                "the target, and hides the files that the image itself has in that folder",
            )
        if self.mount == "directory" and self.target.count("/") == 1:
            raise Unfit(f"mount: directory of {self.target} would hide the container's whole file system")
        return self


class MergeSpec(Frozen):
    """Some keys of a file that lives on the host and that others edit too. The service mounts it by itself.

    In `keys` text is a template and `{secret: name}` a secret; a mapping stands for the keys below it alone, lists and scalars
    are owned whole.
    """

    path: Target
    format: Literal["yaml", "json"] | None = None
    """None: what the suffix of `path` says."""
    keys: Annotated[dict[str, Any], Field(min_length=1)]
    on_change: Annotated[OnChange, BeforeValidator(read_on_change)] = OnChange()

    @model_validator(mode="after")
    def _has_a_format(self) -> Self:
        if self.format is None and not self.path.endswith(tuple(_FORMATS)):
            raise Unfit(f"nothing says what {self.path} is written in", "write format: yaml, or format: json")
        if self.on_change.check:
            raise Unfit("on_change of a merged file has no check", "it is read and written as what it is")
        return self

    @property
    def form(self) -> Literal["yaml", "json"]:
        return self.format or _FORMATS[self.path[self.path.rindex(".") :]]


class Build(Frozen):
    """An image that the host builds. `context` is a folder below templates/, `dockerfile` a path below that; `args` are
    templates, and no secret can stand in them: they stay readable in the image's history.
    """

    context: TemplatePath
    dockerfile: TemplatePath = "Dockerfile"
    args: dict[EnvKey, str] = Field(default_factory=dict)
    target: Annotated[str, Field(min_length=1)] | None = None


class Ignore(Frozen):
    """A suppression of a rule's findings on this service. `until` is the last day it holds, `2027-01-31`."""

    rule: Annotated[str, Field(pattern=r"^(?:[A-Z][A-Z0-9]{2}\d{3}|CL-\d{4})$")]
    reason: Annotated[str, Field(min_length=8)]
    until: Day


class Lint(Frozen):
    ignore: tuple[Ignore, ...] = ()


class Wait(Frozen):
    """How long a deploy waits: for health (or a job's end), and for a container without a healthcheck to stay up."""

    timeout: Duration = 120.0
    settle: Duration = 5.0


class Service(Frozen):
    """One service after normalising: Compose's spellings of memory and env are already folded in.

    `compose` holds every key that Compose owns, as written (text values are templates).
    """

    image: str = ""
    build: Build | None = None
    """Exactly one of `image` and `build` is given."""
    kind: Literal["service", "job"] = "service"
    start: Literal["always", "on_demand"] = "always"
    depends_on: dict[Name, DependsOn] = Field(default_factory=dict)
    memory: Memory = Memory()
    env: dict[EnvKey, EnvValue] = Field(default_factory=dict)
    files: tuple[FileSpec, ...] = ()
    merge: tuple[MergeSpec, ...] = ()
    wait: Wait = Wait()
    lint: Lint = Lint()
    app: str = ""
    """The kind of software that it is, by the name of an app; "" where opsctl knows nothing of it."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """What its app reads, complete once it is loaded; text values are templates."""
    databases: dict[Identifier, Database] = Field(default_factory=dict)
    """What a PostgreSQL service keeps for others, by name."""
    connections: dict[Name, Connection] = Field(default_factory=dict)
    """By the service that keeps the database, what this one may hold open."""
    site: Site | None = None
    checks: tuple[OwnCheck, ...] = ()
    """What `verify` asks of it beside what it knows by itself; no part of the container."""
    waive: tuple[Waiver, ...] = ()
    """Failures of its checks that are accepted; no part of the container."""
    compose: dict[str, Any] = Field(default_factory=dict)
    overrides: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    """By environment: a mapping of the same keys, merged over the service before it is read (mappings merge, the rest
    replaces)."""

    @model_validator(mode="after")
    def _has_an_image(self) -> Self:
        if self.image and self.build:
            raise Unfit(
                "image and build are both given",
                "keep one: an image that is built here gets its name by itself",
            )
        if not self.image and not self.build:
            raise Unfit("image is missing", "give image: repository:tag, or build: a folder below templates/")
        return self


class StackFile(Frozen):
    services: dict[Name, Service] = Field(default_factory=dict)
    networks: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    volumes: dict[Name, dict[str, Any]] = Field(default_factory=dict)
