"""What the PostgreSQL of a new image says of what it shall be started with, before the old one stops."""

from __future__ import annotations

import re
from itertools import takewhile

from opsctl.apps.postgresql.server import Server
from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Ran, Talk, failed, passed, ran, skipped, unknown
from opsctl.checks.throwaway import Throwaway
from opsctl.state.desired import DesiredFile

_UNTOLD = 70
# A cluster of its own, nearly empty, and the server on it until it answers on its socket. Where options come twice, the last one
# counts: files of the volume, the port, certificates, and huge pages, which the old server has, are not what is tried here. initdb
# and the server refuse root.
_START = """\
own=$(mktemp -d) || exit 70
cat >"$own/postgresql.conf" || exit 70
initdb -N -A trust -U postgres -D "$own/data" >"$own/log" 2>&1 || { tail -n 1 "$own/log" >&2; exit 70; }
named=$1
shift
postgres "$@" -D "$own/data" ${named:+-c "config_file=$own/postgresql.conf"} -c data_directory="$own/data" \\
    -c hba_file="$own/data/pg_hba.conf" -c ident_file="$own/data/pg_ident.conf" -c port=5432 -c ssl=off -c external_pid_file= \\
    -c listen_addresses= -c unix_socket_directories="$own" -c logging_collector=off -c log_destination=stderr -c huge_pages=off \\
    >"$own/log" 2>&1 &
server=$!
until pg_isready -q -h "$own" -p 5432; do
    kill -0 "$server" 2>/dev/null || { cat "$own/log" >&2; exit 1; }
    sleep 0.2
done
kill -QUIT "$server"
wait "$server"
exit 0
"""
# Of shared_buffers where the kernel counts them twice (vm.overcommit_memory=2).
_NO_ROOM = "could not map anonymous shared memory"
_INCLUDES = re.compile(r"^\s*include", re.MULTILINE | re.IGNORECASE)
_SAYS = re.compile(r"(?:FATAL|PANIC):\s+(.*)")
_SAYS_WHERE = re.compile(r'LOG:\s+(.* in file ".*)')


def starts_with_its_options(crossing: Crossing) -> Talk:
    """The server of the new image, started with the service's options and postgresql.conf on a cluster of its own. What the data
    folder itself says (postgresql.auto.conf) is not there.
    """
    view = crossing.now.view
    words = _options(view.words("command"))
    if words is None or view.words("entrypoint"):
        return skipped("its command is not postgres with options")
    given, unread = Server(view).given()
    if unread:
        return skipped(f"opsctl mounts no {unread}")
    path = given.get("config_file", "")
    mine = next((one for one in view.service.files if one.target == path), None)
    if mine and (why := _not_alone(mine)):
        return skipped(why)
    told = yield from ran(
        Throwaway(
            crossing.now.host.name,
            view.service.image,
            ("sh", "-c", _START, "opsctl", path, *words),
            mine.content if mine else b"",
            user="postgres",
        )
    )
    if told.code == _UNTOLD:
        return unknown(f"initdb in the new image: {told.last_line()}")
    why = _said(told)
    if told.code and _NO_ROOM in why:
        return unknown(f"there is no room for another server beside the old one: {why}")
    if told.code:
        return failed(f"it does not start with its options: {why}")
    return passed("it starts with its options")


def _options(command: list[str]) -> list[str] | None:
    """Those of the server; None for a command that is something else."""
    names = list(takewhile(lambda word: not word.startswith("-"), command))
    is_server = not names or names[-1].rpartition("/")[2] == "postgres"
    return command[len(names) :] if is_server else None


def _not_alone(file: DesiredFile) -> str:
    if _INCLUDES.search(file.content.decode(errors="replace")):
        return f"{file.target} includes others, and only one file can be shown to it"
    return ""


def _said(told: Ran) -> str:
    """Its own words: the line of a file that it does not take, else why it ended."""
    text = told.stderr.decode(errors="replace")
    found = _SAYS_WHERE.search(text) or _SAYS.search(text)
    return found[1].strip() if found else told.last_line()
