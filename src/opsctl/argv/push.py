"""A push: one command that stages files, checks them there, and renames each into place.

Nothing below the directory is touched before everything has arrived and Compose has accepted it; a file is there whole
or not at all; compose.yml comes last (compose-traps 2); a staging folder that a killed push left behind is removed by
the next one.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Sequence

from opsctl.argv.command import Command, script
from opsctl.argv.compose import CHECK_VERSION, COMPOSE_TOO_OLD, NO_COMPOSE
from opsctl.argv.guard import guarded
from opsctl.plan.steps import COMPOSE_FILE, PutFile

__all__ = ["COMPOSE_FILE", "NOT_ACCEPTED", "NOT_RENAMED", "NOT_STAGED", "UNTOUCHED", "push"]

NOT_ACCEPTED = 66
"""Compose refused the staged files; nothing was touched."""
NOT_STAGED = 72
NOT_RENAMED = 73
"""A file could not be staged (nothing was touched), or renamed; `disk <total kB> <available kB>` is on stdout."""
UNTOUCHED = frozenset({NO_COMPOSE, COMPOSE_TOO_OLD, NOT_ACCEPTED, NOT_STAGED})

# Standard input: a tar stream with `paths` (relative paths, in the order of the renames), `owes` (service/reaction
# lines) and `new/<path>` for each path. Files of one file system that are renamed one after the other reach the disk
# in that order (the journals of ext4, xfs and btrfs), so one sync at the end is enough for the folders.
_PUSH = (
    CHECK_VERSION
    + """\
directory=$1 project=$2
umask 077
code=72
failed() {
    df -Pk . | while read -r device total used available rest; do
        case $total in *[!0-9]*) ;; *) echo "disk $total $available" ;; esac
    done
    exit "$code"
}
accepted() {
    set --
    for path in env/*; do
        if [ -f "$path" ] && ! [ -e "$staging/new/$path" ]; then set -- "$@" "$path"; fi
    done
    mkdir -p -- "$staging/new/env" || return 1
    if [ $# -gt 0 ]; then
        ln -- "$@" "$staging/new/env/" 2>/dev/null || cp -fp -- "$@" "$staging/new/env/" || return 1
    fi
    docker compose --project-directory "$staging/new" -f "$staging/new/compose.yml" -p "$project" config -q
}
cd -- "$directory" || exit 70
rm -rf -- .opsctl/staging.*
staging=$(mktemp -d .opsctl/staging.XXXXXX) || failed
trap 'rm -rf -- "$staging"' EXIT
trap 'exit 143' HUP INT PIPE TERM
tar -x -p -m -o -f - -C "$staging" || failed
if [ -e "$staging/new/compose.yml" ]; then
    accepted >"$staging/said" 2>&1 </dev/null &
    accepting=$!
    usable_compose || { unusable=$?; wait "$accepting"; exit "$unusable"; }
    if ! wait "$accepting"; then
        cat "$staging/said" >&2
        exit 66
    fi
fi
set --
while IFS= read -r path; do set -- "$@" "$staging/new/$path"; done <"$staging/paths"
sync -- "$@" || failed
while IFS= read -r marker; do
    mkdir -p -- ".opsctl/owed/${marker%/*}" && touch -- ".opsctl/owed/$marker" || failed
    sync -- ".opsctl/owed/${marker%/*}" || failed
done <"$staging/owes"
set -- .
code=73
while IFS= read -r path; do
    case $path in */*) parent=${path%/*} ;; *) parent=. ;; esac
    [ -d "$parent" ] || (umask 022 && mkdir -p -- "$parent") || failed
    # Docker makes a folder where a file to mount is missing; an empty one gives way.
    if [ -d "$path" ] && ! [ -L "$path" ]; then rmdir -- "$path" || failed; fi
    mv -fT -- "$staging/new/$path" "$path" || failed
    set -- "$@" "$parent"
done <"$staging/paths"
sync -- "$@" || failed
"""
)


def push(
    directory: str, project: str, run: str, files: Sequence[PutFile], *, timeout: float = 120.0
) -> Command:
    """Put files below `directory`, compose.yml last whatever their order; markers of what they owe come first.

    `docker compose config` asks no engine, so the right to the files is enough: with sudo for the engine's sake the
    files would be root's, in a folder that is somebody else's.
    """
    ordered = sorted(files, key=lambda file: file.path == COMPOSE_FILE)
    return guarded(
        directory,
        run,
        script(_PUSH, directory, project),
        stdin=_stream(ordered),
        timeout=timeout,
        privilege="files",
        label="push",
    )


def _stream(files: Sequence[PutFile]) -> bytes:
    owes = sorted({"/".join(mark) for file in files for mark in file.owes})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        _add(archive, "paths", _lines(file.path for file in files), 0o600)
        _add(archive, "owes", _lines(owes), 0o600)
        for file in files:
            _add(archive, f"new/{file.path}", file.content, file.mode)
    return buffer.getvalue()


def _lines(entries: Iterable[str]) -> bytes:
    return "".join(f"{entry}\n" for entry in entries).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    archive.addfile(info, io.BytesIO(content))
