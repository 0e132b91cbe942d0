"""The steps of a plan, as values that say what they do and why; none of them says a secret."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from opsctl.model.references import brief
from opsctl.plan.ensure import Ensure
from opsctl.plan.merge import Merge
from opsctl.state.desired import DesiredBuild

COMPOSE_FILE = "compose.yml"
_WIDTH = 96
_INDENT = " " * 12


@dataclass(frozen=True, slots=True)
class Pull:
    """Fetch an image that the host lacks, before anything stops."""

    image: str
    services: tuple[str, ...]
    verb = "pull"

    def subject(self) -> str:
        return brief(self.image)

    def reason(self) -> str:
        return "not on the host, for " + ", ".join(self.services)


@dataclass(frozen=True, slots=True)
class Build:
    """Build an image that the host lacks, before anything stops."""

    build: DesiredBuild = field(repr=False)
    services: tuple[str, ...]
    verb = "build"

    def subject(self) -> str:
        return self.build.image

    def reason(self) -> str:
        return "not on the host, for " + ", ".join(self.services)


@dataclass(frozen=True, slots=True)
class Tag:
    """Give a built image its name, which it never had or lost to another one."""

    image_id: str
    name: str
    taken: bool
    verb = "tag"

    def subject(self) -> str:
        return self.name

    def reason(self) -> str:
        return f"{self.image_id[:19]}… is it by its label, and {'another image' if self.taken else 'none'} has the name"


@dataclass(frozen=True, slots=True)
class PutFile:
    """One file of a push. `why` is e.g. "new", "changed KEY", "edited on the host", "mode 0640 becomes 0600"."""

    path: str
    content: bytes = field(repr=False)
    mode: int
    why: str
    owes: tuple[tuple[str, str], ...] = ()
    """(service, reaction) of each mark that is left before the file is renamed."""
    check: tuple[str, tuple[str, ...]] | None = None
    """A service that runs, and words that must take `content` there before anything is touched."""


@dataclass(frozen=True, slots=True)
class Push:
    """Stage every file, check them there, then rename each; compose.yml last. One command on the host."""

    files: tuple[PutFile, ...]
    verb = "push"

    def subject(self) -> str:
        return f"{len(self.files)} file{'s' if len(self.files) != 1 else ''}"

    def reason(self) -> str:
        return "; ".join(f"{why}: {', '.join(paths)}" for why, paths in self.groups())

    def groups(self) -> list[tuple[str, list[str]]]:
        """The paths by why they are put, in the order of the push."""
        found: dict[str, list[str]] = {}
        for file in self.files:
            found.setdefault(file.why, []).append(file.path)
        return list(found.items())

    def lines(self) -> Iterator[str]:
        """One block for each reason, wrapped so that it is read in a narrow terminal too."""
        for why, paths in self.groups():
            yield from textwrap.wrap(
                f"{why}: {', '.join(paths)}",
                width=_WIDTH,
                initial_indent=_INDENT,
                subsequent_indent=_INDENT + "  ",
                break_on_hyphens=False,
                break_long_words=False,
            )


@dataclass(frozen=True, slots=True)
class ReplaceNetwork:
    """Stop and remove the containers attached to a changed network, then remove the network (compose-traps 6)."""

    network: str
    """The engine's name of it."""
    services: tuple[str, ...]
    containers: tuple[str, ...]
    """Ids that are stopped and removed; the services are created again in later steps."""
    causes: tuple[str, ...]
    verb = "replace"

    def subject(self) -> str:
        return f"network {self.network}"

    def reason(self) -> str:
        down = f"; goes down: {', '.join(self.services)}" if self.services else ""
        return ", ".join(self.causes) + down


@dataclass(frozen=True, slots=True)
class Recreate:
    """Create a service's container anew (`docker compose up -d --no-deps --force-recreate`)."""

    service: str
    wave: int
    causes: tuple[str, ...]
    new: bool = False
    how: Literal["in_place"] = "in_place"

    @property
    def verb(self) -> str:
        return "create" if self.new else "recreate"

    def subject(self) -> str:
        return self.service

    def reason(self) -> str:
        return ", ".join(self.causes)


@dataclass(frozen=True, slots=True)
class RunJob:
    """Run a one-shot service anew and wait for its exit 0."""

    service: str
    wave: int
    causes: tuple[str, ...]
    timeout: float
    verb = "run"

    def subject(self) -> str:
        return f"job {self.service}"

    def reason(self) -> str:
        return ", ".join(self.causes)


@dataclass(frozen=True, slots=True)
class Start:
    """Start a container that exists, is as desired, and does not run."""

    service: str
    container: str
    wave: int
    causes: tuple[str, ...]
    verb = "start"

    def subject(self) -> str:
        return self.service

    def reason(self) -> str:
        return ", ".join(self.causes)


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart a container because it must follow another, or because a file's reaction asks for it."""

    service: str
    wave: int
    causes: tuple[str, ...]
    settles: tuple[str, str] | None = None
    """The owed marker to remove after success."""
    verb = "restart"

    def subject(self) -> str:
        return self.service

    def reason(self) -> str:
        return ", ".join(self.causes)


@dataclass(frozen=True, slots=True)
class React:
    """Reload or signal a running container after its file changed."""

    service: str
    kind: Literal["reload", "signal"]
    command: tuple[str, ...]
    signal: str
    causes: tuple[str, ...]
    settles: tuple[str, str] | None = None
    """The owed marker to remove after success."""
    verb = "react"

    def subject(self) -> str:
        return self.service

    def reason(self) -> str:
        act = f"signal {self.signal}" if self.kind == "signal" else "reload: " + " ".join(self.command)
        return f"{act} ({', '.join(self.causes)})"


@dataclass(frozen=True, slots=True)
class Settle:
    """Remove owed markers whose service is recreated or restarted anyway."""

    markers: tuple[tuple[str, str], ...]
    verb = "settle"

    def subject(self) -> str:
        return ", ".join(f"{service}/{kind}" for service, kind in self.markers)

    def reason(self) -> str:
        return "the container was made after the change"


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for what later waves, and the deploy's success, depend on. Seconds."""

    service: str
    wave: int
    condition: Literal["healthy", "settled", "done"]
    timeout: float
    settle: float = 0.0
    verb = "wait"

    def subject(self) -> str:
        return self.service

    def reason(self) -> str:
        if self.condition == "healthy":
            return f"healthy, at most {self.timeout:g} s"
        if self.condition == "done":
            return f"its exit 0, at most {self.timeout:g} s"
        return f"running without a restart for {self.settle:g} s"


Step = (
    Pull
    | Build
    | Tag
    | Merge
    | Push
    | ReplaceNetwork
    | Recreate
    | RunJob
    | Start
    | Restart
    | React
    | Settle
    | Ensure
    | Wait
)
