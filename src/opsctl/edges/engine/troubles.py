"""Why an engine does not answer, as errors that a person can act on."""

from __future__ import annotations

from opsctl.errors import EngineUnavailable


def trouble(where: str, socket: str, said: str, error: Exception) -> EngineUnavailable:
    """From what the docker client on the host said (dial-stdio), or from how the stream failed."""
    evidence = tuple(said.strip().splitlines()[-3:])
    lower = said.lower()
    if lower.startswith("sudo:"):
        return EngineUnavailable(
            f"sudo was refused on the way to {socket}",
            where=where,
            evidence=evidence,
            hint="sudo must not ask for a password: NOPASSWD in /etc/sudoers.d/opsctl",
        )
    if isinstance(error, PermissionError) or "permission denied" in lower:
        return EngineUnavailable(
            f"this user may not use {socket}",
            where=where,
            evidence=evidence,
            hint="put the user in the group docker (mind that whoever may use the engine is root on that machine), "
            'or set sudo = {engine = "always"} for the host',
        )
    if isinstance(error, FileNotFoundError) or "no such file" in lower:
        return EngineUnavailable(
            f"there is no engine socket {socket}",
            where=where,
            evidence=evidence,
            hint="install Docker or start it (`systemctl start docker`), or name its socket: engine_socket in hosts.toml",
        )
    if "not found" in lower:
        return EngineUnavailable(
            "there is no docker command on the host",
            where=where,
            evidence=evidence,
            hint="install the Docker engine",
        )
    if isinstance(error, ConnectionRefusedError) or "docker daemon" in lower:
        return EngineUnavailable(
            f"nothing listens at {socket}: the engine is stopped",
            where=where,
            evidence=evidence,
            hint="start it: `systemctl start docker`",
        )
    return EngineUnavailable(
        f"the engine at {socket} broke off: {error}",
        where=where,
        evidence=evidence,
        hint="look at the engine's log: `journalctl -u docker -n 50`",
    )
