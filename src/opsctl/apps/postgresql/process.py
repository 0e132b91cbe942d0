"""Rules about the PostgreSQL server itself: where its data lies, what it is started with, how it is watched."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from opsctl.apps.postgresql.server import Server, data_directory, right_mount, servers
from opsctl.apps.postgresql.settings import Settings, amount_bytes
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

_OLD = "/var/lib/postgresql/data"
_SPLIT = 18
_NUMBERS = ("max_connections", "superuser_reserved_connections", "reserved_connections")


def _misplaced(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        major = server.major
        if major is None or not server.is_official:
            continue
        data = server.view.service.env.get("PGDATA") or data_directory(major)
        wrong = _wrong_mount(list(server.mounts()), posixpath.normpath(data), major)
        if wrong:
            yield server.hit(f"PostgreSQL {major}: {wrong}", f"mount it at {right_mount(major)}", "volumes")


def _wrong_mount(mounts: list[str], data: str, major: int) -> str:
    """What is wrong with where the data goes, "" if nothing is."""
    covering = [one for one in mounts if _within(data, one)]
    if major >= _SPLIT:
        if stale := [one for one in mounts if _within(one, _OLD) and one not in covering]:
            return f"it ends at once for the mount at {stale[0]}"
    elif _within(data, _OLD) and not any(_within(one, _OLD) for one in covering):
        # The image's own VOLUME lies below whatever is mounted higher, and is a new one for every container.
        covering = []
    return "" if covering else f"its data in {data} is on no volume, and is gone with the container"


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _no_shm(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        shares = str(server.view.definition.get("ipc") or "")
        if not server.view.definition.get("shm_size") and not shares:
            yield server.hit("its /dev/shm is the engine's 64 MiB", "shm_size: 256m")


def _not_given(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        given, unread = server.given()
        if unread:
            text = f"{unread} is not a file that opsctl mounts, so what it sets is not known"
            hint = "mount it with files, or give the options in command"
            yield about(server.view, server.view.place("command"), text, hint, unknown=True)
            continue
        yield from _differing(server, given)


def _differing(server: Server, given: object) -> Iterator[Hit]:
    runs = given if isinstance(given, dict) else {}
    stated, defaults = server.settings, Settings()
    for name in _NUMBERS:
        wanted, real = getattr(stated, name), str(runs.get(name, getattr(defaults, name)))
        if str(wanted) != real:
            text = f"settings say {name} {wanted}, and the server is started with {real}"
            hint = f'command: [postgres, -c, "{name}={{{{ service.settings.{name} }}}}"]'
            yield server.hit(text, hint, "settings", name)
    if stated.shared_buffers is not None:
        real = str(runs.get("shared_buffers", "128MB"))
        if amount_bytes(real) != amount_bytes(stated.shared_buffers):
            text = (
                f"settings say shared_buffers {stated.shared_buffers}, and the server is started with {real}"
            )
            hint = 'command: [postgres, -c, "shared_buffers={{ service.settings.shared_buffers }}"]'
            yield server.hit(text, hint, "settings", "shared_buffers")


def _too_early(subject: Subject) -> Iterator[Hit]:
    for server in servers(subject):
        words = server.view.probe
        asks = "pg_isready" in words or "psql" in words
        if asks and not any(option in f" {words} " for option in (" -h", "--host", "host=", "PGHOST")):
            hint = "healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1]}"
            text = "its healthcheck asks the socket, and is answered before the first start is over"
            yield server.hit(text, hint, "healthcheck")


RULES = (
    Rule(
        "DBS005",
        "databases",
        "error",
        "PostgreSQL: a volume at a path where this version has no data",
        "The image of 18 keeps its data in /var/lib/postgresql/18/docker, wants the volume at /var/lib/postgresql, and ends when it "
        "finds a mount at /var/lib/postgresql/data. Those up to 17 keep it in /var/lib/postgresql/data: a volume mounted higher "
        "is covered by the image's own, which is a new one for every container.",
        "18 and later: mount the volume at /var/lib/postgresql. Up to 17: at /var/lib/postgresql/data.",
        "docker-library/postgres, Dockerfile-debian.template and docker-entrypoint.sh (18); facts: services 4",
        _misplaced,
    ),
    Rule(
        "DBS007",
        "databases",
        "note",
        "PostgreSQL: no shm_size",
        "Parallel queries take shared memory from /dev/shm, 64 MiB by default: `could not resize shared memory segment`.",
        "shm_size: 256m",
        "docker-library/docs, postgres; facts: services 4",
        _no_shm,
    ),
    Rule(
        "DBS008",
        "databases",
        "error",
        "PostgreSQL: settings that the server is not started with",
        "Settings do nothing by themselves. The budget of connections would count with a number that is not there.",
        'Use them: command: [postgres, -c, "max_connections={{ service.settings.max_connections }}"], or a postgresql.conf that is '
        "mounted and named with -c config_file=….",
        "PostgreSQL 18, app-postgres",
        _not_given,
    ),
    Rule(
        "DBS010",
        "databases",
        "note",
        "PostgreSQL: a healthcheck that is answered too early",
        "During the first start the image runs a server that listens on the socket only, and ends it again. A check by the socket "
        "calls that one healthy, and whoever waits for it finds nothing.",
        "Ask over TCP: pg_isready -h 127.0.0.1.",
        "docker-library/postgres, docker-entrypoint.sh, docker_temp_server_start (18)",
        _too_early,
    ),
)
