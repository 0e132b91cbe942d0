"""The services of one Sure as the rules see them: which is the web, which the worker, and what their environment says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from opsctl.apps.sure.settings import Settings
from opsctl.model.stack import SecretRef
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

Role = Literal["web", "worker", "other"]
THREADS = 3
"""RAILS_MAX_THREADS where nobody sets it (config/puma.rb, config/sidekiq.yml, config/database.yml; v0.7.3)."""
# ActiveModel::Type::Boolean::FALSE_VALUES, Rails 8.1; an empty text is nil, which is false too.
_FALSE = frozenset({"", "0", "f", "F", "false", "FALSE", "off", "OFF"})
_NAMED = re.compile(r"""\bsecret\(\s*['"]([^'"]+)['"]""")


@dataclass(frozen=True, slots=True)
class Process:
    """One service with `app: sure`."""

    view: ServiceView

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    @property
    def role(self) -> Role:
        """What its command starts; the image's own is the web server (Dockerfile, CMD)."""
        words = " ".join(self.view.words("entrypoint", "command"))
        if "sidekiq" in words:
            return "worker"
        return "web" if not words or re.search(r"\brails\s+(?:server|s)\b|\bpuma\b", words) else "other"

    def env(self, name: str) -> str:
        return self.view.service.env.get(name, "")

    def is_on(self, name: str, *, default: bool) -> bool:
        value = self.view.service.env.get(name)
        return default if value is None else value not in _FALSE

    def number(self, name: str, default: int) -> int:
        text = self.env(name)
        return int(text) if text.isdecimal() else default

    def secrets_of(self, name: str) -> list[str]:
        """The secrets that a variable is made of."""
        value = self.view.written.env.get(name)
        if isinstance(value, SecretRef):
            return [value.secret]
        return _NAMED.findall(value or "")

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        return about(self.view, self.view.place(*path), message, hint)


@dataclass(frozen=True, slots=True)
class Instance:
    """Those of one host that belong together."""

    name: str
    processes: tuple[Process, ...]

    def of(self, role: Role) -> list[Process]:
        return [one for one in self.processes if one.role == role]


def processes(subject: Subject) -> Iterator[Process]:
    """Every service with `app: sure`."""
    yield from (Process(view) for view in subject.services() if view.written.app == "sure")


def instances(subject: Subject) -> tuple[Instance, ...]:
    return subject.once(_instances)


def _instances(subject: Subject) -> Iterator[Instance]:
    found: dict[tuple[str, str], list[Process]] = {}
    for one in processes(subject):
        found.setdefault((one.view.host.name, one.settings.instance), []).append(one)
    yield from (Instance(name, tuple(some)) for (_host, name), some in found.items())
