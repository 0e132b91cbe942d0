"""Rules about the configuration as a whole: can it be read, does it start, has it what the settings say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from opsctl.apps.mounts import keeps
from opsctl.apps.redis.conf import memory_bytes
from opsctl.apps.redis.memory import most, policy
from opsctl.apps.redis.server import DATA, Said, Server, servers
from opsctl.apps.redis.settings import Policy
from opsctl.model.nearest import nearest
from opsctl.model.references import DOCKER_HUB, parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_POLICIES = get_args(Policy)
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?(?:-(?P<variant>[a-z]+))?")
_LAST_BOOKWORM = (8, 2)
_DROPPED = (8, 0)


def _unfit(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        yield from _unread(server)
        for file, line in server.broken:
            what = "no line of an ACL file" if file is server.acl else "the quotes do not end"
            hint = "user NAME RULES, one name once, without comments" if file is server.acl else ""
            yield server.hit_at(f"{what}: Redis does not start", hint, server.place_in(file, line))
        for said in server.said:
            if wrong := _wrong(said):
                yield server.hit(f"{said.directive.name}: {wrong[0]}: Redis does not start", wrong[1], said)
        inline = server.last("user")
        if inline and server.last("aclfile"):
            yield server.hit(
                "users here and in an aclfile: Redis does not start", "keep them in one place", inline
            )


def _unread(server: Server) -> Iterator[Hit]:
    if not server.command.readable:
        message = (
            "its command starts no redis-server that can be seen: nothing of its configuration was looked at"
        )
        yield server.hit_at(
            message,
            "command: [redis-server, /etc/redis/redis.conf]",
            server.view.place("command"),
            unknown=True,
        )
    for path in server.unread:
        message = f"it reads {path}, which is no file that opsctl mounts: nothing of it was looked at"
        yield server.hit_at(message, "mount it with files", server.view.place("command"), unknown=True)


def _wrong(said: Said) -> tuple[str, str] | None:
    name, value = said.directive.name, said.directive.value
    if name == "maxmemory":
        try:
            memory_bytes(value)
        except Unfit as reason:
            return str(reason), reason.hint
    if name == "maxmemory-policy" and value.lower() not in _POLICIES:
        return f"{value!r} is no policy", nearest(value, _POLICIES)
    if name == "appendonly" and value.lower() not in {"yes", "no"}:
        return f"{value!r} is neither yes nor no", ""
    return None


def _homeless(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        said = server.last("appendonly") if server.appends else server.asked_saves
        if said is None and not (server.saves and server.settings.persistence == "rdb"):
            continue
        folder = server.value("dir", DATA)
        folder = DATA if folder in {".", "./"} else folder.rstrip("/")
        if not keeps(server.view, folder):
            message = f"it saves to {folder}, where no volume is: what it saves goes with the container"
            hint = f"volumes: [redis:{folder}], and redis: below volumes of the stack"
            yield server.hit(message, hint, said, "settings", "persistence")


def _tag(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        image = server.view.service.asked_image or server.view.service.image
        try:
            reference = parse_reference(image)
        except Unfit:
            continue
        match = _VERSION.fullmatch(reference.tag)
        if reference.registry != DOCKER_HUB or reference.path != "library/redis" or not match:
            continue
        version = (int(match[1]), int(match[2]))
        if version == _DROPPED:
            message = "8.0 gets no more rebuilds: its Debian and its Redis stay as they are"
            yield server.hit(message, "take 8.2-bookworm, or a later one on trixie or alpine", None, "image")
        elif version > _LAST_BOOKWORM and match["variant"] == "bookworm":
            message = f"there is no bookworm variant of redis {version[0]}.{version[1]}; 8.2 is the last"
            yield server.hit(message, "take its trixie or alpine variant", None, "image")


def _unused(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        if not server.whole:
            continue
        settings = server.settings
        hint = "use it in the template, as the page shows, or leave it out"
        if settings.maxmemory is not None and settings.maxmemory != (most(server) or 0):
            yield server.hit(
                "maxmemory of the settings is not that of redis.conf", hint, None, "settings", "maxmemory"
            )
        if settings.maxmemory_policy not in {None, policy(server)}:
            message = f"maxmemory_policy of the settings is not that of redis.conf, {policy(server)}"
            yield server.hit(message, hint, None, "settings", "maxmemory_policy")
        found = _persistence(server)
        if settings.persistence not in {None, found}:
            message = f"persistence of the settings is {settings.persistence}, that of redis.conf {found}"
            yield server.hit(message, hint, None, "settings", "persistence")


def _persistence(server: Server) -> str:
    if server.appends:
        return "aof"
    return "rdb" if server.saves else "none"


_LIST = "docker-library/official-images library/redis of 2026-08-18; services 4"
RULES = (
    Rule(
        "RDS001",
        "apps",
        "error",
        "Redis: a configuration that does not start, or cannot be read",
        "Redis ends at its start for a quote that does not end, a value it does not know, a comment or a name twice in an ACL file, "
        "and for users both in redis.conf and in an ACL file.",
        "Mend the line. Files that the command names are mounted with `files`, so that the rules see them.",
        "Redis 7.0 config.c, acl.c; run (7.0.15)",
        _unfit,
    ),
    Rule(
        "RDS012",
        "apps",
        "error",
        "Redis: data that goes with the container",
        "A service whose image or definition changes gets a new container. Without a volume the data of the old one is not in it.",
        "A named volume at /data, or where `dir` points.",
        "docker-library/redis Dockerfile.template: VOLUME /data; compose-traps",
        _homeless,
    ),
    Rule(
        "RDS013",
        "apps",
        "note",
        "Redis: a tag that is not built any more",
        "What is no longer in the list of official images gets no fixes of Redis nor of its Debian.",
        "A tag of the list: 8.2-bookworm, or a later version on trixie or alpine.",
        _LIST,
        _tag,
    ),
    Rule(
        "RDS014",
        "apps",
        "error",
        "Redis: a setting that its configuration does not have",
        "Settings do nothing by themselves: a template has to use them.",
        "Use it in the template of redis.conf.",
        "opsctl: docs/stacks/redis.md",
        _unused,
    ),
)
