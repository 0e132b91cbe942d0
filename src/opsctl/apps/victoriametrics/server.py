"""VictoriaMetrics and vmalert services as the rules see them: their commands, and the files that these name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.apps.config_file import ConfigFile, config_file
from opsctl.apps.options import flag
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

WORDS = ("entrypoint", "command")
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Metrics:
    """One VictoriaMetrics. `scrape` is None where it has no scrape config, or one that opsctl does not mount."""

    view: ServiceView
    scrape: ConfigFile | None

    def flag(self, name: str) -> str:
        return flag(self.view.words(*WORDS), name)

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        return about(self.view, self.view.place(*path), message, hint)

    def targets(self) -> Iterator[tuple[ConfigFile, Path, str]]:
        """Each static target of the scrape config, and where it stands."""
        if self.scrape is None:
            return
        for at, job in entries(self.scrape.section(), "scrape_configs"):
            for number, group in entries(job, "static_configs"):
                targets = group.get("targets")
                for place, target in enumerate(targets if isinstance(targets, list) else ()):
                    path = ("scrape_configs", at, "static_configs", number, "targets", place)
                    yield self.scrape, path, str(target)


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule of a rules file, and where it stands in it. `interval` is of its group, "" where that has none."""

    file: ConfigFile
    path: Path
    name: str
    expression: str
    held: str
    interval: str

    def hit(self, message: str, hint: str, key: str = "expr") -> Hit:
        return self.file.hit(f"{self.name}: {message}", hint, *self.path, key)


@dataclass(frozen=True, slots=True)
class Alerting:
    """One vmalert. `unread` are rule files that opsctl does not mount."""

    view: ServiceView
    files: tuple[ConfigFile, ...]
    unread: tuple[str, ...]

    def flag(self, name: str) -> str:
        return flag(self.view.words(*WORDS), name)

    def alerts(self) -> Iterator[Alert]:
        for file in self.files:
            for at, group in entries(file.section(), "groups"):
                for number, rule in entries(group, "rules"):
                    if rule.get("alert"):
                        yield Alert(
                            file,
                            ("groups", at, "rules", number),
                            str(rule["alert"]),
                            str(rule.get("expr", "")),
                            str(rule.get("for", "")),
                            str(group.get("interval", "")),
                        )

    def hit(self, message: str, hint: str, *path: str | int, unknown: bool = False) -> Hit:
        return about(self.view, self.view.place(*path), message, hint, unknown=unknown)


def entries(mapping: Mapping[str, Any], key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The mappings of a list, with their places in it."""
    found = mapping.get(key)
    for at, entry in enumerate(found if isinstance(found, list) else ()):
        if isinstance(entry, Mapping):
            yield at, entry


def servers(subject: Subject) -> tuple[Metrics, ...]:
    """Every service with `app: victoriametrics`."""
    return subject.once(_servers)


def _servers(subject: Subject) -> Iterator[Metrics]:
    for view in subject.services():
        if view.written.app == "victoriametrics":
            yield Metrics(view, config_file(view, flag(view.words(*WORDS), "promscrape.config")))


def alertings(subject: Subject) -> tuple[Alerting, ...]:
    """Every service with `app: vmalert`."""
    return subject.once(_alertings)


def _alertings(subject: Subject) -> Iterator[Alerting]:
    for view in subject.services():
        if view.written.app != "vmalert":
            continue
        files, unread = [], []
        for path in _rule_paths(view):
            pattern = re.compile(re.escape(path).replace(r"\*", "[^/]*"))
            found = [file.target for file in view.service.files if pattern.fullmatch(file.target)]
            files += [read for target in found if (read := config_file(view, target))]
            unread += [] if found else [path]
        yield Alerting(view, tuple(files), tuple(unread))


def _rule_paths(view: ServiceView) -> list[str]:
    """Each -rule, which may be given several times, and may be a pattern."""
    words = view.words(*WORDS)
    found = []
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in {"-rule", "--rule"}:
            found.append(value if equals else "".join(words[at + 1 : at + 2]))
    return found
