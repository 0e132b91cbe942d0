"""A stack file: services, networks and volumes, with opsctl's own keys beside Compose's."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from opsctl.model.frozen import Frozen
from opsctl.model.values import Duration, Name, Size

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]


class SecretRef(Frozen):
    """`{secret: name}`: the whole value is that secret."""

    secret: Name


EnvValue = str | SecretRef
"""Text is a Jinja template; numbers and booleans of the file arrive here as Compose would write them."""


class DependsOn(Frozen):
    condition: Condition = "service_started"
    restart: bool = False


class Memory(Frozen):
    """Bytes. `peak` is what was measured or is expected, for the table of the memory policy."""

    limit: Size | None = None
    reservation: Size | None = None
    peak: Size | None = None


class OnChange(Frozen):
    """What a change of the file asks for; `reload` is an argv run in the container, `signal` a signal's name."""

    kind: Literal["recreate", "reload", "signal", "restart", "none"] = "recreate"
    command: tuple[str, ...] = ()
    signal: str = ""


class FileSpec(Frozen):
    """A file to mount. Exactly one of `template` (in templates/, rendered), `source` (in templates/, byte for byte) and
    `content` (text in the stack file, rendered)."""

    target: str
    template: str | None = None
    source: str | None = None
    content: str | None = None
    mode: int = 0o644
    mount: Literal["file", "directory"] = "file"
    on_change: OnChange = OnChange()


class Wait(Frozen):
    """How long a deploy waits: for health (or a job's end), and for a container without a healthcheck to stay up."""

    timeout: Duration = 120.0
    settle: Duration = 5.0


class Service(Frozen):
    """One service after normalising: Compose's spellings of memory and env are already folded in.

    `compose` holds every key that Compose owns, as written (text values are templates).
    """

    image: str
    kind: Literal["service", "job"] = "service"
    start: Literal["always", "on_demand"] = "always"
    depends_on: dict[Name, DependsOn] = Field(default_factory=dict)
    memory: Memory = Memory()
    env: dict[str, EnvValue] = Field(default_factory=dict)
    files: tuple[FileSpec, ...] = ()
    wait: Wait = Wait()
    compose: dict[str, Any] = Field(default_factory=dict)
    overrides: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    """By environment: a mapping of the same keys, merged over the service before it is read (mappings merge, the rest
    replaces)."""


class StackFile(Frozen):
    services: dict[Name, Service] = Field(default_factory=dict)
    networks: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    volumes: dict[Name, dict[str, Any]] = Field(default_factory=dict)
