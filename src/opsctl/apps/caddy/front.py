"""The Caddy services of an environment as the rules see them, with the sites of their hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.apps.caddy.settings import Settings
from opsctl.apps.config_file import place_of
from opsctl.model.fleet import Fleet, Place
from opsctl.render.problems import locate
from opsctl.render.sites import site_views
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject
from opsctl.state.desired import DesiredFile

SiteView = Mapping[str, Any]
_FOLDER = "/etc/caddy/"
CADDYFILE = f"{_FOLDER}Caddyfile"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a rendered Caddyfile without its comment; `number` is 1-based."""

    front: Front
    file: DesiredFile
    number: int
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()

    def hit(self, message: str, hint: str) -> Hit:
        view = self.front.view
        return about(view, place_of(view.fleet, self.file, self.number), message, hint)


@dataclass(frozen=True, slots=True)
class Front:
    """One Caddy; `sites` are those of its host."""

    view: ServiceView
    sites: tuple[SiteView, ...]

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    def lines(self) -> Iterator[Line]:
        """Of everything that opsctl mounts in the folder of the Caddyfile."""
        for file in self.view.service.files:
            if file.target.startswith(_FOLDER):
                for number, text in enumerate(file.content.decode(errors="replace").splitlines(), start=1):
                    yield Line(self, file, number, re.sub(r"(^|\s)#.*", "", text))

    @property
    def limits(self) -> bool:
        """Whether anything of it asks for a rate limit."""
        return self.settings.rate_limit is not None or any(
            line.words[:1] == ["rate_limit"] for line in self.lines()
        )

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        """About a part of the stack file."""
        return about(self.view, self.view.place(*path), message, hint)


def fronts(subject: Subject) -> tuple[Front, ...]:
    """Every service with `app: caddy`."""
    return subject.once(_fronts)


def _fronts(subject: Subject) -> Iterator[Front]:
    for view in subject.services():
        if view.written.app == "caddy":
            yield Front(view, tuple(sites_of(subject, view.host.name)))


def sites_of(subject: Subject, host: str) -> Iterator[SiteView]:
    for site in site_views(subject.fleet, subject.environment).values():
        if site["host"] == host:
            yield site


def site_place(fleet: Fleet, environment: str, site: SiteView) -> Place:
    return locate(fleet, environment, site["stack"], "services", site["service"], "site")


def site_hit(subject: Subject, site: SiteView, message: str, hint: str) -> Hit:
    """About the site as its service states it."""
    place = site_place(subject.fleet, subject.environment, site)
    return Hit(place, f"{site['name']}: {message}", hint, site["service"], site["stack"], site["host"])
