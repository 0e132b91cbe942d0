"""Commands of the Docker client for single containers, images and networks, each under the guard of its host."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.argv.command import Command
from opsctl.argv.guard import guarded

__all__ = [
    "attached_exec",
    "exec_inside",
    "kill",
    "pull",
    "remove",
    "remove_network",
    "restart",
    "start",
    "stop",
]

# Over the stop grace that the engine gives a container of its own (10 s without stop_grace_period).
_STOPPING = 660.0


def pull(directory: str, run: str, image: str, *, timeout: float = 1800.0) -> Command:
    return _guarded(directory, run, ("docker", "pull", "--quiet", image), timeout)


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


def attached_exec(container: str, words: Sequence[str], *, tty: bool, user: str = "") -> Command:
    """Run words inside a container for a person: with standard input, without a limit of time, without the guard."""
    options = ("--interactive", *(("--tty",) if tty else ()), *(("--user", user) if user else ()))
    return Command(words=("docker", "exec", *options, container, *words), label="docker exec")


def _guarded(directory: str, run: str, words: tuple[str, ...], timeout: float) -> Command:
    return guarded(directory, run, words, timeout=timeout, privilege="both", label=" ".join(words[:2]))
