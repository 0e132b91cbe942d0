"""The files' half of a look: one constant script that prints everything of interest as lines.

Each line is a word and its fields, parted by single spaces; contents travel as base64 on one line:

    now <seconds>                        memory <MemTotal|MemAvailable> <kB>
    disk <total kB> <available kB>       compose <base64>
    key <base64>                         stat <mode, octal> <size> <path>
    sum <sha256> <path>                  content <base64> <path>
    owed <seconds> <service>/<reaction>  held <service>
    rotating <secret> <json>             record <name> <base64>
    merged <state> <detail> <path>       ensured <service> <json>
    end

The detail of a merged file is "-", but of a "file" its content and of a "link" the real path, both as base64 after a dot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opsctl.argv.command import Command, script

__all__ = ["UNREADABLE", "inner_files", "look"]

UNREADABLE = 77

# Standard input: one line "<sha256>  <path>" for each file as it should be, as sha256sum prints it. A file whose line
# is among them is not sent. Paths with a newline or a backslash are not opsctl's; sha256sum escapes them and they are
# left out by the reader.
_LOOK = """\
directory=$1 limit=$2
shift 2
nl='
'
encoded() { base64 <"$1" | tr -d '\\n'; }
unreadable() {
    echo "cannot read $1" >&2
    exit 77
}
replaceable() {
    folder=${1%/*}
    [ -r "$1" ] && [ -w "${folder:-/}" ] || return 1
    [ "$user" = 0 ] || [ "$(stat -c %u -- "$1")" = "$user" ]
}
merged() {
    real=$(readlink -f -- "$1")
    if ! [ -e "$1" ] && ! [ -L "$1" ]; then
        echo "merged missing - $1"
    elif [ "$real" != "$1" ]; then
        echo "merged link .$(printf %s "$real" | base64 | tr -d '\\n') $1"
    elif ! [ -f "$1" ]; then
        echo "merged odd - $1"
    elif ! replaceable "$1"; then
        echo "merged locked - $1"
    elif [ "$(stat -c %s -- "$1")" -gt "$limit" ]; then
        echo "merged large - $1"
    else
        echo "merged file .$(encoded "$1") $1"
    fi
}
desired="$nl$(cat)$nl"
there=$directory
while ! [ -d "$there" ]; do
    there=$(dirname -- "$there")
done
[ -x "$there" ] || unreadable "$there"
echo "now $(date +%s)"
while read -r name kb unit; do
    case $name in
    MemTotal:) echo "memory MemTotal $kb" ;;
    MemAvailable:)
        echo "memory MemAvailable $kb"
        break
        ;;
    esac
done </proc/meminfo
df -Pk -- "$there" | while read -r device total used available rest; do
    case $total in *[!0-9]*) ;; *) echo "disk $total $available" ;; esac
done
user=$(id -u)
for path; do merged "$path"; done
if [ "$there" = "$directory" ]; then
    cd -- "$directory" || unreadable "$directory"
    if [ -e compose.yml ]; then
        [ -r compose.yml ] || unreadable "$directory/compose.yml"
        echo "compose $(encoded compose.yml)"
    fi
    if [ -d .opsctl ]; then
        [ -r .opsctl ] && [ -x .opsctl ] || unreadable "$directory/.opsctl"
        if [ -e .opsctl/fingerprint.key ]; then
            [ -r .opsctl/fingerprint.key ] || unreadable "$directory/.opsctl/fingerprint.key"
            echo "key $(encoded .opsctl/fingerprint.key)"
        fi
        for marker in .opsctl/owed/*/*; do
            if [ -e "$marker" ]; then echo "owed $(stat -c %Y -- "$marker") ${marker#.opsctl/owed/}"; fi
        done
        for marker in .opsctl/held/*; do
            if [ -e "$marker" ]; then echo "held ${marker#.opsctl/held/}"; fi
        done
        for marker in .opsctl/rotating/*; do
            if [ -e "$marker" ]; then
                echo "rotating ${marker#.opsctl/rotating/} $(head -c 4096 -- "$marker" | tr -d '\\n')"
            fi
        done
        for record in .opsctl/merged/*; do
            if [ -e "$record" ]; then echo "record ${record#.opsctl/merged/} $(encoded "$record")"; fi
        done
        for marker in .opsctl/ensured/*; do
            if [ -e "$marker" ]; then
                printf 'ensured %s %s\\n' "${marker#.opsctl/ensured/}" "$(head -c 262144 -- "$marker" | tr -d '\\n')"
            fi
        done
    fi
    set --
    for folder in env files metrics; do
        if [ -d "$folder" ]; then set -- "$@" "$folder"; fi
    done
    if [ $# -gt 0 ]; then
        find "$@" -type f -exec stat -c 'stat %a %s %n' -- {} + || unreadable "$directory"
        sums=$(find "$@" -type f -exec sha256sum -- {} +) || unreadable "$directory"
        printf '%s\\n' "$sums" | while IFS= read -r line; do
            path=${line#*  }
            case $line in '' | \\\\*) continue ;; esac
            echo "sum ${line%%  *} $path"
            case $desired in *"$nl$line$nl"*) continue ;; esac
            if [ "$(stat -c %s -- "$path")" -le "$limit" ]; then echo "content $(encoded "$path") $path"; fi
        done
    fi
fi
echo end
"""

# A file as the container itself sees it. /proc/<pid>/root needs root and does not follow links as the container would
# (an absolute link would lead into the host), hence the walk; else the container's own tools are asked. The archive
# API shows the host's file and proves nothing (compose-traps 10).
_INNER = """\
tab=$(printf '\\t')
plain() {
    walked= rest=${2#/}
    while [ -n "$rest" ]; do
        walked="$walked/${rest%%/*}"
        [ -L "$1$walked" ] && return 1
        case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
    done
    [ -r "$1$2" ]
}
summed() {
    if [ "$2" -gt 0 ] && plain "/proc/$2/root" "$3"; then
        sha256sum <"/proc/$2/root$3"
    elif docker exec "$1" sha256sum -- "$3" 2>/dev/null; then
        :
    elif docker exec "$1" cat -- "$3" >/dev/null 2>&1; then
        docker exec "$1" cat -- "$3" | sha256sum
    fi
}
while IFS="$tab" read -r service container pid target; do
    sum=$(summed "$container" "$pid" "$target" </dev/null)
    printf '%s\\t%s\\t%s\\n' "$service" "$target" "${sum%% *}"
done
"""

_CONTENT_LIMIT = 1024 * 1024


def look(directory: str, desired: Mapping[str, str], merged: Iterable[str] = ()) -> Command:
    """Read everything of `directory` that a plan needs, and merged files by their absolute paths.

    `desired` holds the sha256 of each file by relative path.
    """
    wanted = "".join(f"{digest}  {path}\n" for path, digest in sorted(desired.items()))
    return Command(
        words=script(_LOOK, directory, str(_CONTENT_LIMIT), *merged),
        stdin=wanted.encode(),
        privilege="files",
        timeout=60.0,
        label="look at the files",
    )


def inner_files(wanted: tuple[tuple[str, str, int, str], ...]) -> Command:
    """Hash files as running containers see them; `wanted` are (service, container id, process id, target)."""
    lines = "".join(
        f"{service}\t{container}\t{pid}\t{target}\n" for service, container, pid, target in wanted
    )
    return Command(
        words=script(_INNER), stdin=lines.encode(), privilege="engine", timeout=60.0, label="look inside"
    )
