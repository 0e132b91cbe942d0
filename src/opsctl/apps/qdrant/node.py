"""A Qdrant service as the rules see it: its version, and what its files and its environment come to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from opsctl.apps.config_file import ConfigFile, config_file
from opsctl.apps.qdrant.settings import Settings
from opsctl.model.fleet import Place
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

HOME = "/qdrant"
"""The work folder of the image, where relative paths begin (Dockerfile v1.19.0: WORKDIR)."""
PREFIX = "qdrant__"
# config-rs looks for config/NAME with each suffix it can read; opsctl reads YAML and JSON, which YAML covers.
_SUFFIXES = ("yaml", "yml", "json")
_MODE = "production"
_VERSION = re.compile(r"^v?(\d+)\.(\d+)(?!\d)")


@dataclass(frozen=True, slots=True)
class Said:
    """One value, where it was written, and the name it has there. `variable` is "" for a value of a file."""

    value: Any = field(repr=False)
    place: Place
    variable: str = ""
    config: ConfigFile | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """`said` is what counts, by dotted path in small letters: of the files the later one, and the environment before all of
    them. `configs` are the files in their order; `unread` is one that the command names and opsctl does not mount.
    """

    view: ServiceView
    configs: tuple[ConfigFile, ...]
    said: Mapping[str, Said]
    unread: str = ""

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    @property
    def version(self) -> tuple[int, int] | None:
        """Major and minor, as the image's tag says them."""
        try:
            tag = parse_reference(self.view.service.asked_image or self.view.service.image).tag
        except Unfit:
            return None
        found = _VERSION.match(tag)
        return (int(found[1]), int(found[2])) if found else None

    def value(self, path: str) -> Any:
        """None where it is not said, and where null is."""
        said = self.said.get(path)
        return said.value if said else None

    def is_on(self, path: str) -> bool:
        return str(self.value(path)).lower() in {"true", "1", "yes", "on"}

    def number(self, path: str) -> int | None:
        text = str(self.value(path)).replace("_", "")
        return int(text) if text.isdecimal() else None

    def below(self, path: str) -> dict[str, Said]:
        """What is said below a path and is not null, by full path."""
        return {
            one: said
            for one, said in self.said.items()
            if one.startswith(f"{path}.") and said.value is not None
        }

    def hit(self, message: str, hint: str, at: Said | None = None, *path: str, unknown: bool = False) -> Hit:
        """About a value, else about a part of the stack file."""
        place = at.place if at else self.view.place(*path)
        return about(self.view, place, message, hint, unknown=unknown)


def nodes(subject: Subject) -> tuple[Node, ...]:
    """Every service with `app: qdrant`."""
    return subject.once(_nodes)


def _nodes(subject: Subject) -> Iterator[Node]:
    yield from (_node(view) for view in subject.services() if view.written.app == "qdrant")


def _node(view: ServiceView) -> Node:
    env = view.service.env
    mode = env.get("RUN_MODE") or _MODE
    found = [_found(view, f"{HOME}/config/{name}") for name in ("config", mode, "local")]
    named = _named(view)
    if named:
        found.append(_at(view, named) or _found(view, named))
    configs = tuple(one for one in found if one)
    said: dict[str, Said] = {}
    for config in configs:
        for path, value in leaves(config.section()):
            dotted = ".".join(path).lower()
            below = [one for one in said if one.startswith(f"{dotted}.")]
            if below and value == {}:
                continue
            for one in below:
                del said[one]
            said[dotted] = Said(value, config.place(*path), config=config)
    for key, text in env.items():
        if key.lower().startswith(PREFIX):
            dotted = key.lower().removeprefix(PREFIX).replace("__", ".")
            said[dotted] = Said(text, view.place("env", key), key)
    return Node(view, configs, said, named if named and found[-1] is None else "")


def _named(view: ServiceView) -> str:
    """The file of --config-path (src/main.rs), absolute; "" without one."""
    words = view.words("entrypoint", "command")
    for word, following in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        if name == "--config-path":
            return posixpath.normpath(posixpath.join(HOME, value if equals else following))
    return ""


def _at(view: ServiceView, path: str) -> ConfigFile | None:
    return config_file(view, path) if path.endswith(_SUFFIXES) else None


def _found(view: ServiceView, stem: str) -> ConfigFile | None:
    return next((one for suffix in _SUFFIXES if (one := config_file(view, f"{stem}.{suffix}"))), None)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is no mapping, with its path; an empty mapping is a value."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, str(key)))
    elif path:
        yield path, value
