"""Owned keys put into a file on the host: it is replaced only if it still is the one that the plan was made from."""

from __future__ import annotations

from opsctl.argv.command import Command, script
from opsctl.argv.guard import guarded
from opsctl.plan.merge import Merge

__all__ = ["CHANGED", "NOT_PREPARED", "merge"]

CHANGED = 78
"""The file is not the one that was looked at; nothing was touched."""
NOT_PREPARED = 72
"""The new file could not be written beside the old one; nothing was touched."""

# Standard input: a line "<sha256 of the old file> <size of the new one>", then the new file. Hashes are no arguments: a file
# with a weak password and its hash in the list of processes would be an oracle. Between the last comparison and the rename
# lies the start of one process; an editor that saves just then is the one thing that goes unnoticed. The new file is written in a
# folder of our own, by its inode: whoever owns the folder around it may put a symbolic link in place of any name there.
_MERGE = """\
directory=$1 path=$2 name=$3 record=$4
shift 4
umask 077
unchanged() {
    [ "$(readlink -f -- "$path")" = "$path" ] && [ -f "$path" ] || return 1
    sum=$(sha256sum <"$path") && [ "${sum%% *}" = "$old" ]
}
put() {
    read -r old size || exit 72
    folder=${path%/*} top=$PWD
    rm -rf -- "$folder/.${path##*/}.opsctl."??????
    unchanged || exit 78
    staging=$(mktemp -d "$folder/.${path##*/}.opsctl.XXXXXX") || exit 72
    trap 'rm -rf -- "$staging"' EXIT
    trap 'exit 143' HUP INT PIPE TERM
    cd -- "$staging" || exit 72
    case $(stat -c '%a %u' .) in "700 $(id -u)" | "2700 $(id -u)") ;; *) exit 72 ;; esac
    cp -p -- "$path" new && cat >new || exit 72
    [ "$(stat -c %s new)" = "$size" ] || exit 72
    if [ "$(stat -c '%a %u %g' new)" != "$(stat -c '%a %u %g' -- "$path")" ]; then
        echo "its mode and owner cannot be kept" >&2
        exit 72
    fi
    sync new || exit 72
    for marker; do
        owed=$top/owed/${marker%/*}
        mkdir -p -- "$owed" && : >"$owed/${marker#*/}" && sync -- "$owed" || exit 72
    done
    unchanged || exit 78
    mv -fT new "$path" || exit 73
    sync -- "$folder" || exit 73
    cd -- "$top" || exit 73
}
cd -- "$directory/.opsctl" || exit 70
[ -z "$path" ] || put "$@"
mkdir -p merged || exit 73
if [ -n "$record" ]; then
    printf '%s\\n' "$record" >"merged/.$name" && sync -- "merged/.$name" && mv -fT -- "merged/.$name" "merged/$name" || exit 73
else
    rm -f -- "merged/$name" || exit 73
fi
sync -- merged || exit 73
"""


def merge(directory: str, run: str, step: Merge) -> Command:
    """Replace the file where the step has content, with mode and owner kept, then write the record, or remove it."""
    content = step.content
    words = script(
        _MERGE,
        directory,
        "" if content is None else step.path,
        step.record_name,
        step.record,
        *("/".join(mark) for mark in step.owes),
    )
    head = f"{step.before} {len(content or b'')}\n".encode()
    return guarded(
        directory,
        run,
        words,
        stdin=b"" if content is None else head + content,
        timeout=60.0,
        privilege="files",
        label=f"merge {step.path}",
    )
