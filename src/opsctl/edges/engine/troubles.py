"""Why an engine does not answer, as errors that a person can act on."""

from __future__ import annotations

from typing import NamedTuple

from opsctl.errors import EngineUnavailable


class _Trouble(NamedTuple):
    """Known by a kind of error, or by words of sudo, of the shell and of `docker system dial-stdio` (20.10.24)."""

    error: type[Exception] | None
    words: str
    message: str
    hint: str


_KNOWN = (
    _Trouble(
        None,
        "sudo:",
        "sudo was refused on the way to {socket}",
        "sudo must not ask for a password: NOPASSWD in /etc/sudoers.d/opsctl",
    ),
    _Trouble(
        PermissionError,
        "permission denied",
        "this user may not use {socket}",
        "put the user in the group docker (mind that whoever may use the engine is root on that machine), "
        'or set sudo = {engine = "always"} for the host',
    ),
    _Trouble(
        FileNotFoundError,
        "no such file",
        "there is no engine socket {socket}",
        "install Docker or start it (`systemctl start docker`), or name its socket: engine_socket of the host in hosts.toml, "
        "DOCKER_HOST=unix://… for the engine of this machine",
    ),
    _Trouble(None, "not found", "there is no docker command on the host", "install the Docker engine"),
    _Trouble(
        ConnectionRefusedError,
        "connection refused",
        "nothing listens at {socket}: the engine is stopped",
        "start it: `systemctl start docker`",
    ),
)


def trouble(where: str, socket: str, said: str, error: Exception) -> EngineUnavailable:
    """From what the docker client on the host said (dial-stdio), or from how the stream failed."""
    evidence = said.strip().splitlines()[-3:]
    for known in _KNOWN:
        if known.words in said.lower() or (known.error and isinstance(error, known.error)):
            message = known.message.format(socket=socket)
            return EngineUnavailable(message, where=where, hint=known.hint, evidence=evidence)
    return EngineUnavailable(
        f"the engine at {socket} broke off: {error}",
        where=where,
        hint="look at the engine's log: `journalctl -u docker -n 50`",
        evidence=evidence,
    )
