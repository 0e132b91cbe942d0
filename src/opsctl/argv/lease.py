"""The lease of a host: a script that stays, holds `.opsctl/lease` locked, and ends when it hears nothing.

Lines in:  the candidate for the fingerprint key, the holder as JSON, then any of
           `.` (heartbeat), `a <json>` (append to the audit), `q` (end).
Lines out: `disk <total kB> <available kB>` and exit 73 where nothing can be written, or
           `held <age in seconds> <holder's json>` and exit 75, or
           `waiting` every two seconds while an earlier command still runs,
           `audit <json>` for each of the last lines of the audit, `ready`,
           then `.` for a heartbeat, `ok` or `failed` for an append.
"""

from __future__ import annotations

from opsctl.argv.command import Command, script

__all__ = ["HELD", "NO_RIGHT", "SILENCE", "UNWRITABLE", "lease"]

UNWRITABLE = 73
HELD = 75
NO_RIGHT = 77
SILENCE = 30.0
"""Seconds without a line after which the host frees the lease."""

# dash has no `read -t`; timeout(1) around a shell that reads one line has the same effect, and since `read` takes
# one byte at a time from a pipe, no line is lost between two of them. Descriptor 9 is closed there: a reader that
# outlives this script must not keep the lease.
_LEASE = """\
directory=$1 silence=$2
umask 077
unwritable() {
    df -Pk . | while read -r device total used available rest; do
        case $total in *[!0-9]*) ;; *) echo "disk $total $available" ;; esac
    done
    exit 73
}
IFS= read -r key && IFS= read -r holder || exit 64
if ! [ -d "$directory" ]; then
    (umask 022 && mkdir -p -- "$(dirname -- "$directory")") && mkdir -p -m 0700 -- "$directory" || exit 77
fi
cd -- "$directory" && mkdir -p -m 0700 .opsctl && [ -w .opsctl ] || {
    echo "no right to write to $directory" >&2
    exit 77
}
exec 9>>.opsctl/lease
if ! flock -n 9; then
    printf 'held %s %s\\n' "$(($(date +%s) - $(stat -c %Y .opsctl/lease)))" "$(cat .opsctl/lease)"
    exit 75
fi
printf '%s\\n' "$holder" >.opsctl/lease || unwritable
if ! [ -s .opsctl/fingerprint.key ]; then
    printf '%s\\n' "$key" >.opsctl/fingerprint.key.new && sync -- .opsctl/fingerprint.key.new &&
        mv -fT -- .opsctl/fingerprint.key.new .opsctl/fingerprint.key || unwritable
fi
exec 8>>.opsctl/running
until flock -x -w 2 8; do echo waiting; done
exec 8>&-
audit=.opsctl/audit.jsonl
if [ -s "$audit" ]; then
    tail -n 20 "$audit" | sed 's/^/audit /'
    [ -z "$(tail -c 1 "$audit")" ] || echo >>"$audit"
    [ "$(wc -c <"$audit")" -le 1048576 ] || mv -fT -- "$audit" "$audit.1"
fi
echo
echo ready
while line=$(timeout "$silence" sh -c 'IFS= read -r line && printf %s "$line"' 9>&-); do
    case $line in
    .) echo . ;;
    "a "*)
        if printf '%s\\n' "${line#a }" >>"$audit" && sync -- "$audit"; then echo ok; else echo failed; fi
        ;;
    q) exit 0 ;;
    esac
done
"""


def lease(directory: str) -> Command:
    """Take the lease of a host and hold it as long as this command is spoken to; makes `directory` where it is missing."""
    return Command(
        words=script(_LEASE, directory, f"{SILENCE:g}"),
        privilege="files",
        timeout=60.0,
        label="lease",
    )
