"""A Headscale as the rules see it: its version, and what opsctl says of its configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.apps.config_file import ConfigFile, config_file
from opsctl.apps.headscale.key_lists import NEWEST, OLDEST
from opsctl.apps.headscale.settings import Settings
from opsctl.apps.mounts import mounts
from opsctl.model.fleet import Place
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject
from opsctl.state.desired import Reaction

Path = tuple[str, ...]
DEFAULT_CONFIG = "/etc/headscale/config.yaml"
DATA = "/var/lib/headscale"
"""Where Headscale's own example keeps its database and its keys (config-example.yaml)."""
_VERSION = re.compile(r"v?0\.(\d+)(?:\.\d+)?(?:-debug)?")
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Configuration:
    """`values` are those that opsctl gives, by path, lists whole. `whole`: there are no others, since opsctl mounts the file; else
    they are what it owns of a file that lives on the host, the `merge`-th of its service.
    """

    view: ServiceView
    values: Mapping[Path, Any]
    reaction: Reaction
    file: ConfigFile | None = None
    merge: int = 0

    @property
    def whole(self) -> bool:
        return self.file is not None

    def place(self, *path: str) -> Place:
        if self.file:
            return self.file.place(*path)
        return self.view.place("merge", self.merge, "keys", *path)

    def at(self, key: str) -> Path | None:
        """The path of a dotted key as it was written: Headscale takes it in any case. None where opsctl does not say it."""
        return next((path for path in self.values if dotted(path) == key), None)

    def value(self, key: str, default: Any = None) -> Any:
        """What Headscale reads there. Null counts as nothing, so that its default comes through (viper, IsSet and find)."""
        path = self.at(key)
        found = None if path is None else self.values[path]
        return default if found is None else found

    def owns(self, key: str) -> bool:
        """Whether nobody else has a say in it: it is stated, as null too, or the file is opsctl's."""
        return self.whole or self.at(key) is not None

    def hit(self, message: str, hint: str, key: str = "") -> Hit:
        """About a key; where that is not stated, about the nearest one above it."""
        return about(self.view, self.place(*(self.at(key) or key.split("."))), message, hint)


@dataclass(frozen=True, slots=True)
class Control:
    """One Headscale. `configuration` is None where opsctl neither owns keys of its file nor mounts it."""

    view: ServiceView
    path: str
    configuration: Configuration | None

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    @property
    def known_minor(self) -> int | None:
        """26 of `0.26.1`, as the image's tag says it; None where that tells none."""
        try:
            tag = parse_reference(self.view.service.asked_image or self.view.service.image).tag
        except Unfit:
            return None
        match = _VERSION.fullmatch(tag)
        return int(match[1]) if match else None

    @property
    def minor(self) -> int:
        """What the rules go by: the newest that is known, where nothing tells."""
        found = self.known_minor
        return NEWEST if found is None else max(found, OLDEST)

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        """About a part of the stack file."""
        return about(self.view, self.view.place(*path), message, hint)


def controls(subject: Subject) -> tuple[Control, ...]:
    """Every service with `app: headscale`."""
    return subject.once(_controls)


def configured(subject: Subject) -> Iterator[tuple[Control, Configuration]]:
    """Those of whose configuration something is known."""
    yield from ((one, one.configuration) for one in controls(subject) if one.configuration)


def _controls(subject: Subject) -> Iterator[Control]:
    for view in subject.services():
        if view.written.app == "headscale":
            path = _named(view.words("entrypoint", "command")) or DEFAULT_CONFIG
            yield Control(view, path, _mounted(view, path) or _merged(view, path))


def _named(words: list[str]) -> str:
    """The argument of `--config`, `-c` (cmd/headscale/cli/root.go)."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in {"--config", "-c"}:
            return value if equals else following
    return ""


def _mounted(view: ServiceView, path: str) -> Configuration | None:
    file = config_file(view, path)
    if file is None:
        return None
    reaction = next(one.reaction for one in view.service.files if one.target == path)
    return Configuration(view, dict(_leaves(file.section(), ())), reaction, file)


def _merged(view: ServiceView, path: str) -> Configuration | None:
    for index, merge in enumerate(view.service.merges):
        if path in set(_seen_at(view, merge.path)):
            return Configuration(view, dict(_leaves(merge.keys, ())), merge.reaction, merge=index)
    return None


def _seen_at(view: ServiceView, path: str) -> Iterator[str]:
    """Where the container sees a file of the host."""
    for mount in mounts(view):
        source = mount.source.rstrip("/")
        if path == source:
            yield mount.target
        elif source and path.startswith(f"{source}/"):
            yield mount.target.rstrip("/") + path.removeprefix(source)


def _leaves(tree: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    for key, value in tree.items():
        below = (*path, str(key))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, below)
        else:
            yield below, value


def dotted(path: Path) -> str:
    """A path as viper keys it: in small letters, with dots."""
    return ".".join(path).lower()
