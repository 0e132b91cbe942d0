"""An OpenCut service and the serverless-redis-http beside it as the rules see them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from opsctl.apps.opencut.settings import Settings
from opsctl.model.references import Reference, parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

_PROXY = "serverless-redis-http"
_COMMIT = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class Editor:
    """One service with `app: opencut`."""

    view: ServiceView

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    @property
    def env(self) -> Mapping[str, str]:
        return self.view.service.env

    @property
    def args(self) -> Mapping[str, str]:
        """Of its build."""
        return self.view.service.build.args if self.view.service.build else {}

    @property
    def dockerfile(self) -> str:
        """The text of it; "" where nothing is built."""
        build = self.view.service.build
        found = (file.content for file in build.files if file.path == build.dockerfile) if build else ()
        return next(iter(found), b"").decode(errors="replace")

    @property
    def commits(self) -> frozenset[str]:
        """Whole commits that the Dockerfile or its arguments name."""
        return frozenset(_COMMIT.findall("\n".join((self.dockerfile, *self.args.values()))))

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        return about(self.view, self.view.place(*path), message, hint)


@dataclass(frozen=True, slots=True)
class Proxy:
    """One serverless-redis-http, whatever its app."""

    view: ServiceView
    reference: Reference

    @property
    def env(self) -> Mapping[str, str]:
        return self.view.service.env

    @property
    def mode(self) -> str:
        """`file` where nobody says another (lib/srh/auth/token_resolver.ex)."""
        return self.env.get("SRH_MODE", "file")

    @property
    def port(self) -> str:
        return self.env.get("SRH_PORT", "80")

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        return about(self.view, self.view.place(*path), message, hint)


def editors(subject: Subject) -> Iterator[Editor]:
    yield from (Editor(view) for view in subject.services() if view.written.app == "opencut")


def proxies(subject: Subject) -> Iterator[Proxy]:
    for view in subject.services():
        try:
            reference = parse_reference(view.service.asked_image or view.service.image)
        except Unfit:
            continue
        if reference.path.rpartition("/")[2] == _PROXY:
            yield Proxy(view, reference)


def host_and_port(url: str, default: int) -> tuple[str, int] | None:
    """Of a URL; None for what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return (parts.hostname, default if port is None else port) if parts.hostname else None
