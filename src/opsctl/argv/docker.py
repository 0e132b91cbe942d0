"""Commands of the Docker client for single containers, images and networks, each under the guard of its host."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.argv.command import Command, script
from opsctl.argv.guard import guarded
from opsctl.images.credentials import Credentials
from opsctl.model.references import DOCKER_HUB

__all__ = [
    "LOGIN_FAILED",
    "asked_inside",
    "attached_exec",
    "exec_inside",
    "exec_with",
    "kill",
    "pull",
    "pull_with_login",
    "remove",
    "remove_network",
    "restart",
    "start",
    "stop",
]

# Over the stop grace that the engine gives a container of its own (10 s without stop_grace_period).
_STOPPING = 660.0
_PULLING = 1800.0

LOGIN_FAILED = 77
"""The exit code of `pull_with_login` where the registry did not take the login; nothing was pulled."""

_HUB_LOGIN = "https://index.docker.io/v1/"
"""What docker calls Docker Hub where it is about logins (docker 20.10, registry.IndexServer)."""

# The login lives in a folder of this command's own, in memory where the host has a place there, and ends with it; a
# folder whose process is gone was left behind by a SIGKILL. The entry that is written first keeps docker from looking for
# a credential helper, such as a desktop's keyring, for a configuration that knows no login (docker/cli 20.10,
# config.LoadDefaultConfigFile).
_PULL_WITH_LOGIN = """\
image=$1 server=$2 username=$3
umask 077
config=
trap '[ -z "$config" ] || rm -rf -- "$config"' EXIT
trap 'exit 143' HUP INT PIPE TERM
for folder in /dev/shm /run "${TMPDIR:-/tmp}"; do
    for left in "$folder"/opsctl-login.*; do
        process=${left##*/opsctl-login.}
        [ -d "/proc/${process%%.*}" ] || rm -rf -- "$left"
    done
    config=$(mktemp -d "$folder/opsctl-login.$$.XXXXXX" 2>/dev/null) && break
done
[ -n "$config" ] || { echo "opsctl: no folder for a login" >&2; exit 70; }
echo '{"auths":{"opsctl.invalid":{}}}' >"$config/config.json" || exit 70
said=$(docker --config "$config" login --username "$username" --password-stdin "$server" 2>&1) || {
    printf '%s\\n' "$said" >&2
    exit 77
}
docker --config "$config" pull --quiet "$image" </dev/null
"""


def pull(directory: str, run: str, image: str, *, timeout: float = _PULLING) -> Command:
    return _guarded(directory, run, ("docker", "pull", "--quiet", image), timeout)


def pull_with_login(
    directory: str,
    run: str,
    image: str,
    registry: str,
    credentials: Credentials,
    *,
    timeout: float = _PULLING,
) -> Command:
    """Log in to the image's registry for this pull alone; the password is on stdin. LOGIN_FAILED is told from a pull's 1."""
    server = _HUB_LOGIN if registry == DOCKER_HUB else registry
    return guarded(
        directory,
        run,
        script(_PULL_WITH_LOGIN, image, server, credentials.username),
        stdin=credentials.password.encode() + b"\n",
        timeout=timeout,
        privilege="both",
        label="docker pull",
    )


def start(directory: str, run: str, container: str) -> Command:
    return _guarded(directory, run, ("docker", "start", container), 120.0)


def stop(directory: str, run: str, containers: Sequence[str]) -> Command:
    """Stop in the containers' own time (stop_grace_period), then kill."""
    return _guarded(directory, run, ("docker", "stop", *containers), _STOPPING)


def restart(directory: str, run: str, container: str) -> Command:
    return _guarded(directory, run, ("docker", "restart", container), _STOPPING)


def remove(directory: str, run: str, containers: Sequence[str]) -> Command:
    """Remove stopped containers; their named volumes stay."""
    return _guarded(directory, run, ("docker", "rm", *containers), 120.0)


def remove_network(directory: str, run: str, network: str) -> Command:
    return _guarded(directory, run, ("docker", "network", "rm", network), 120.0)


def kill(directory: str, run: str, container: str, signal: str) -> Command:
    return _guarded(directory, run, ("docker", "kill", "--signal", signal, container), 60.0)


def exec_inside(
    directory: str, run: str, container: str, words: Sequence[str], *, timeout: float = 120.0
) -> Command:
    """Run words inside a running container, without standard input."""
    return _guarded(directory, run, ("docker", "exec", container, *words), timeout)


def exec_with(
    directory: str, run: str, container: str, words: Sequence[str], stdin: bytes, *, timeout: float = 120.0
) -> Command:
    """Run words inside a running container, with this on standard input."""
    given = ("docker", "exec", "--interactive", container, *words)
    return guarded(directory, run, given, stdin=stdin, timeout=timeout, privilege="both", label="docker exec")


def asked_inside(
    container: str, words: Sequence[str], stdin: bytes, *, user: str = "", timeout: float
) -> Command:
    """Ask a program inside a running container, without the guard: for questions that change nothing."""
    options = (*(("--interactive",) if stdin else ()), *(("--user", user) if user else ()))
    return Command(
        words=("docker", "exec", *options, container, *words),
        stdin=stdin,
        timeout=timeout,
        label="docker exec",
    )


def attached_exec(container: str, words: Sequence[str], *, tty: bool, user: str = "") -> Command:
    """Run words inside a container for a person: with standard input, without a limit of time, without the guard."""
    options = ("--interactive", *(("--tty",) if tty else ()), *(("--user", user) if user else ()))
    return Command(words=("docker", "exec", *options, container, *words), label="docker exec")


def _guarded(directory: str, run: str, words: tuple[str, ...], timeout: float) -> Command:
    return guarded(directory, run, words, timeout=timeout, privilege="both", label=" ".join(words[:2]))
