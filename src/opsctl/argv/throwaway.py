"""A program of an image in a container of its own: without a network, bounded, and gone whatever happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

from opsctl.argv.command import Command, script
from opsctl.argv.guard import guarded
from opsctl.argv.probe import LABEL
from opsctl.model.values import Unfit

__all__ = ["OF", "UNTOLD", "throwaway"]

OF = "opsctl.directory"
"""The label that says which host's directory such a container belongs to: whoever has its lease may remove it."""

UNTOLD = frozenset({124, 125, 126, 127, 137})
"""Exit codes that say nothing of what was asked: out of time, docker run itself (docker 20.10: 125; 126 and 127 for a
program that could not be started), killed.
"""

_MIB = 2**20

# The variables come first on stdin, then what the program shall read. They may be secret: they lie in memory where the
# host has a place there, for docker run alone. docker runs in the background because a shell defers its traps while it
# waits for a command, and a program that is PID 1 may pay no heed to a signal that docker passes on (docker run, --sig-proxy).
# A signal comes twice where timeout(1) passes on to its group what it got with it: the second one must not end the removal.
_RUN = """\
name=$1 mine=$2 probe=$3 run=$4 bytes=$5
shift 5
umask 077
folder=
gone() {
    trap '' HUP INT PIPE TERM
    docker rm --force --volumes "$name" >/dev/null 2>&1
    [ -z "$folder" ] || rm -rf -- "$folder"
}
trap gone EXIT
trap 'trap "" HUP INT PIPE TERM; exit 143' HUP INT PIPE TERM
for left in $(docker ps --all --quiet --filter "label=$mine" --filter "label=$probe"); do
    docker rm --force --volumes "$left" >/dev/null 2>&1
done
for place in /dev/shm /run "${TMPDIR:-/tmp}"; do
    for left in "$place"/opsctl-trial.*; do
        process=${left##*/opsctl-trial.}
        [ -d "/proc/${process%%.*}" ] || rm -rf -- "$left"
    done
    folder=$(mktemp -d "$place/opsctl-trial.$$.XXXXXX" 2>/dev/null) && break
done
[ -n "$folder" ] || { echo "opsctl: no folder for variables" >&2; exit 125; }
head -c "$bytes" >"$folder/env" || exit 125
exec 3<&0
docker run --name "$name" --label "$probe=$run" --label "$mine" \\
    --env-file "$folder/env" "$@" <&3 3<&- &
wait $!
"""

# 20.10 and later know every option.
_OPTIONS = (
    *(
        "--rm",
        "--pull",
        "never",
        "--interactive",
        "--network",
        "none",
        "--no-healthcheck",
        "--log-driver",
        "none",
    ),
    *("--pids-limit", "256", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)


def throwaway(
    directory: str,
    run: str,
    *,
    image: str,
    words: Sequence[str],
    stdin: bytes,
    env: Mapping[str, str],
    capabilities: Sequence[str] = (),
    memory: int = 512 * _MIB,
    timeout: float,
    user: str = "",
) -> Command:
    """Run `words` in a new container of an image that the host has; `memory` is in bytes, `user` the image's unless it is named.

    What runs of this directory's earlier trials left behind is removed first. Raises Unfit for a variable with a line
    break, which docker's --env-file does not take.
    """
    first, *rest = words
    options = (
        *_OPTIONS,
        *("--memory", str(memory)),
        *(word for one in capabilities for word in ("--cap-add", one)),
        *(("--user", user) if user else ()),
    )
    lines = _lines(env)
    name = f"opsctl-trial-{run}-{crc32(directory.encode()):08x}"
    source = script(_RUN, name, f"{OF}={directory}", LABEL, run, str(len(lines)), *options)
    return guarded(
        directory,
        run,
        (*source, "--entrypoint", first, image, *rest),
        stdin=lines + stdin or b"\n",
        timeout=timeout,
        privilege="both",
        label="docker run (trial)",
    )


def _lines(env: Mapping[str, str]) -> bytes:
    """As docker's --env-file wants them: no quotes, no escapes, one line each."""
    for name, value in env.items():
        if "\n" in value or "\r" in value:
            raise Unfit(f"the value of {name} has a line break, which docker run --env-file does not take")
    return "".join(f"{name}={value}\n" for name, value in env.items()).encode()
