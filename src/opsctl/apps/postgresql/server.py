"""A PostgreSQL service as the rules see it: its version, where its data lies, and what it is started with."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from opsctl.apps.postgresql.settings import Settings
from opsctl.images.versions import numbers
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

NAME = "postgresql"
# pg17, 0.8.0-pg17: of images that add an extension.
_BASED_ON = re.compile(r"(?:^|-)pg(\d{1,2})(?!\d)")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z_]+)\s*(?:=|\s)\s*(?:'((?:[^']|'')*)'|([^\s#']+))")
_SHORT = {"-N": "max_connections", "-B": "shared_buffers"}
_TYPED = ("-c", *_SHORT)
_HOME = "/var/lib/postgresql"
_FIRST_OF_HOME = 18
"""The first major version whose image declares the volume one folder higher (docker-library/postgres, 2025)."""


@dataclass(frozen=True, slots=True)
class Server:
    """One service with `app: postgresql`."""

    view: ServiceView

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    @property
    def major(self) -> int | None:
        """The major version, as the image's tag says it; None where it does not."""
        try:
            tag = parse_reference(self.view.service.asked_image or self.view.service.image).tag
        except Unfit:
            return None
        found = version_of(tag)
        return found[0] if found else None

    @property
    def is_official(self) -> bool:
        """Whether the image has its data where docker-library's postgres has it, which others are built on."""
        image = (self.view.service.asked_image or self.view.service.image).rpartition(":")[0].lower()
        based = ("postgres", "pgvector", "postgis", "timescaledb", "paradedb")
        return any(word in image for word in based) and "bitnami" not in image

    @property
    def superuser(self) -> str:
        return self.view.service.env.get("POSTGRES_USER") or "postgres"

    def given(self) -> tuple[Mapping[str, str], str]:
        """What command and configuration file set, the command last; and the path of a file that opsctl does not mount."""
        options = dict(_options(self.view.words("command")))
        named = options.get("config_file", "")
        if not named:
            return options, ""
        for file in self.view.service.files:
            if file.target == named:
                return dict(_assignments(file.content.decode(errors="replace"))) | options, ""
        return options, named

    def mounts(self) -> Iterator[str]:
        """The paths in the container at which something of the host or a volume is mounted."""
        for entry in self.view.definition.get("volumes") or ():
            target = entry.get("target") if isinstance(entry, Mapping) else str(entry).split(":")[1:2]
            for one in [target] if isinstance(target, str) else target or ():
                yield posixpath.normpath(one)

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        return about(self.view, self.view.place(*path), message, hint)


def version_of(tag: str) -> tuple[int, ...] | None:
    """The version of the server as a tag tells it, also where the image adds an extension with a version of its own."""
    if found := _BASED_ON.search(tag):
        return (int(found[1]),)
    return numbers(tag)


def servers(subject: Subject) -> Iterator[Server]:
    """Every service with `app: postgresql`."""
    yield from (Server(view) for view in subject.services() if view.written.app == NAME)


def right_mount(major: int) -> str:
    """Where the volume of the image's own data directory belongs."""
    return _HOME if major >= _FIRST_OF_HOME else f"{_HOME}/data"


def data_directory(major: int) -> str:
    """PGDATA of the image, where nobody sets another."""
    return f"{_HOME}/{major}/docker" if major >= _FIRST_OF_HOME else f"{_HOME}/data"


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """`-c name=value`, `-cname=value`, `--name=value`, `-N 200`, `-N200`; the server takes - for _ in long ones."""
    rest = iter(words)
    for word in rest:
        short = next((one for one in _TYPED if word.startswith(one) and not word.startswith("--")), "")
        if word.startswith("--"):
            name, _equals, value = word[2:].partition("=")
            yield name.replace("-", "_"), value
        elif short:
            text = word[2:] or next(rest, "")
            name, _equals, value = text.partition("=") if short == "-c" else (_SHORT[short], "", text)
            yield name.replace("-", "_"), value


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if found := _ASSIGNMENT.match(line):
            yield found[1].lower(), found[3] if found[3] is not None else found[2].replace("''", "'")
