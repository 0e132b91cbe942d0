"""A Grafana as the rules see it: its provisioning files, and the alert rules, contact points and sources in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.apps.config_file import ConfigFile, config_file
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

_FOLDER = "/etc/grafana/provisioning/"
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One entry of a list in a provisioning file."""

    file: ConfigFile
    path: Path
    said: Mapping[str, Any]

    def hit(self, message: str, hint: str, *below: str | int) -> Hit:
        return self.file.hit(message, hint, *self.path, *below)

    def parts(self, *path: str) -> Iterator[Part]:
        """The mappings of a list below it."""
        here: Any = self.said
        for key in path:
            here = here.get(key) if isinstance(here, Mapping) else None
        for at, entry in enumerate(here if isinstance(here, list) else ()):
            if isinstance(entry, Mapping):
                yield Part(self.file, (*self.path, *path, at), entry)


@dataclass(frozen=True, slots=True)
class Grafana:
    """`files` are those that opsctl mounts below /etc/grafana/provisioning."""

    view: ServiceView
    files: tuple[ConfigFile, ...]

    def parts(self, *path: str) -> Iterator[Part]:
        """The mappings of the list at that path, over all files."""
        for file in self.files:
            yield from Part(file, (), file.section()).parts(*path)

    def rules(self) -> Iterator[Part]:
        for group in self.parts("groups"):
            yield from group.parts("rules")

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        return about(self.view, self.view.place(*path), message, hint)


def grafanas(subject: Subject) -> tuple[Grafana, ...]:
    """Every service with `app: grafana`."""
    return subject.once(_grafanas)


def _grafanas(subject: Subject) -> Iterator[Grafana]:
    for view in subject.services():
        if view.written.app == "grafana":
            targets = [one.target for one in view.service.files if one.target.startswith(_FOLDER)]
            yamls = [target for target in targets if target.endswith((".yaml", ".yml"))]
            read = (config_file(view, target) for target in yamls)
            yield Grafana(view, tuple(file for file in read if file))
