"""The wrapper of every command that changes a host.

It holds `.opsctl/running` shared while the command runs, so that the next holder of the lease waits for it even when
the connection that started it is gone; it refuses to start once another run has taken the lease; and it limits the
command's time on the host, since closing an SSH channel does not end what runs there (compose-traps 17).
"""

from __future__ import annotations

from opsctl.argv.command import Command, Privilege, script

__all__ = ["LEASE_LOST", "OUT_OF_TIME", "guarded", "was_fenced"]

LEASE_LOST = 75
OUT_OF_TIME = frozenset({124, 137})
"""Exit codes of timeout(1): 124 when SIGTERM was enough, 137 after -k."""

# The guard's own words on stderr, to tell its exit code from the same one of the command inside.
_FENCED = b"opsctl: the lease was lost"

_GUARD = """\
directory=$1 run=$2 seconds=$3
shift 3
exec 9<>"$directory/.opsctl/running" || exit 70
flock -s 9 || exit 70
holder=
read -r holder <"$directory/.opsctl/lease"
case $holder in
*"\\"run\\": \\"$run\\""*) ;;
*)
    echo "opsctl: the lease was lost" >&2
    exit 75
    ;;
esac
cd / && exec timeout -k 10 "$seconds" "$@" </dev/null
"""

_GUARD_WITH_INPUT = _GUARD.replace(" </dev/null", "")

# Over the time the command has on the host: for the connection, and for timeout's -k.
_GRACE = 30.0


def guarded(
    directory: str,
    run: str,
    words: tuple[str, ...],
    *,
    stdin: bytes = b"",
    timeout: float = 120.0,
    privilege: Privilege = "engine",
    label: str = "",
) -> Command:
    """`words` under the guard of a host's directory; `run` is the id of the run that must hold the lease."""
    source = _GUARD_WITH_INPUT if stdin else _GUARD
    return Command(
        words=script(source, directory, run, f"{timeout:g}", *words),
        stdin=stdin,
        timeout=timeout + _GRACE,
        privilege=privilege,
        label=label,
    )


def was_fenced(code: int, stderr: bytes) -> bool:
    """Whether the guard refused because another run has the lease."""
    return code == LEASE_LOST and _FENCED in stderr
