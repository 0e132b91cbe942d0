"""A Redis service as the rules see it: what its command and its files come to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

from opsctl.apps.config_file import place_of
from opsctl.apps.redis.command import Command, read_command
from opsctl.apps.redis.conf import Directive, read_conf, saves
from opsctl.apps.redis.settings import Settings
from opsctl.apps.redis.users import User, open_users, read_users, user_of
from opsctl.model.fleet import Place
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject
from opsctl.state.desired import DesiredFile

DATA = "/data"
"""Where the image's work folder and its volume are (docker-library/redis Dockerfile.template: VOLUME, WORKDIR)."""


@dataclass(frozen=True, slots=True)
class Said:
    """A directive and the file that it stands in; None for the command line."""

    directive: Directive
    file: DesiredFile | None = None


@dataclass(slots=True)
class _Reading:
    """Files read so far: what they say, and what could not be read."""

    view: ServiceView
    said: list[Said] = field(default_factory=list)
    broken: list[tuple[DesiredFile, int]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def read(self, path: str) -> None:
        file = mounted(self.view, path)
        if file is None:
            self.unread.append(path)
            return
        if file.target in self.seen:
            return
        self.seen.add(file.target)
        conf = read_conf(file.content)
        self.broken += [(file, line) for line in conf.broken]
        for directive in conf.directives:
            if directive.name == "include":
                self.read(directive.value)
            else:
                self.said.append(Said(directive, file))


@dataclass(frozen=True, slots=True)
class Server:
    """`said` has the file's lines first, then the options of the command, which win. `unread` are files that opsctl does not
    mount. `acl` is the ACL file, and `users` those of it, else of redis.conf.
    """

    view: ServiceView
    command: Command
    said: tuple[Said, ...]
    broken: tuple[tuple[DesiredFile, int], ...]
    unread: tuple[str, ...]
    acl: DesiredFile | None
    users: tuple[User, ...]

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    @property
    def whole(self) -> bool:
        """Whether all that it is told could be read."""
        return self.command.readable and not self.unread

    def all(self, name: str) -> list[Said]:
        return [one for one in self.said if one.directive.name == name]

    def last(self, name: str) -> Said | None:
        """The one that counts."""
        return next((one for one in reversed(self.said) if one.directive.name == name), None)

    def value(self, name: str, default: str = "") -> str:
        said = self.last(name)
        return said.directive.value if said else default

    @property
    def open_users(self) -> list[User]:
        """Whom anybody may be; empty where a file that would tell could not be read."""
        if not self.whole:
            return []
        if self.acl is None and not any(user.name == "default" for user in self.users):
            default = User("default", on=True, nopass=not self.value("requirepass"))
            return open_users((default, *self.users))
        return open_users(self.users)

    @property
    def saves(self) -> bool:
        return saves(one.directive for one in self.said)

    @property
    def asked_saves(self) -> Said | None:
        """The line that asks for snapshots; None where there are none, and where they are only the default."""
        lines = self.all("save")
        return lines[-1] if lines and self.saves else None

    @property
    def appends(self) -> bool:
        return self.value("appendonly").lower() == "yes"

    def hit(self, message: str, hint: str, at: Said | None = None, *path: str) -> Hit:
        """About a directive, else about a part of the stack file."""
        place = self.view.place(*path)
        if at is not None:
            place = self.place_in(at.file, at.directive.line) if at.file else self.view.place("command")
        return self.hit_at(message, hint, place)

    def place_in(self, file: DesiredFile, line: int) -> Place:
        """Where a line of a rendered file comes from."""
        return place_of(self.view.fleet, file, line)

    def hit_at(self, message: str, hint: str, place: Place, *, unknown: bool = False) -> Hit:
        return about(self.view, place, message, hint, unknown=unknown)


def servers(subject: Subject) -> tuple[Server, ...]:
    """Every service with `app: redis`."""
    return subject.once(_servers)


def _servers(subject: Subject) -> Iterator[Server]:
    for view in subject.services():
        if view.written.app == "redis":
            yield _server(view)


def _server(view: ServiceView) -> Server:
    command = read_command(view.words("entrypoint", "command"))
    reading = _Reading(view)
    if command.config:
        reading.read(command.config)
    said = (*reading.said, *(Said(option) for option in command.options))
    acl = None
    users = [user_of(one.directive.arguments, one.directive.line) for one in said if _is_user(one.directive)]
    if named := next((one.directive.value for one in reversed(said) if one.directive.name == "aclfile"), ""):
        acl = mounted(view, named)
    if acl is not None:
        read = read_users(acl.content)
        users = list(read.users)
        reading.broken += [(acl, line) for line in read.broken]
    elif named:
        reading.unread.append(named)
    return Server(view, command, said, tuple(reading.broken), tuple(reading.unread), acl, tuple(users))


def _is_user(directive: Directive) -> bool:
    return directive.name == "user" and bool(directive.arguments)


def mounted(view: ServiceView, path: str) -> DesiredFile | None:
    """The file that opsctl mounts there; a path that is not absolute begins in the work folder."""
    target = posixpath.normpath(posixpath.join(str(view.definition.get("working_dir") or DATA), path))
    return next((file for file in view.service.files if file.target == target), None)
