"""Opening the connection that a host's entry in hosts.toml asks for."""

from __future__ import annotations

import sys
from pathlib import Path

from opsctl.edges.ports import Connection
from opsctl.model.hosts import Environment, Host


def open_connection(
    name: str, host: Host, environment: Environment, root: Path, *, directory: str
) -> Connection:
    """A connection to the host called `name`; `root` is the folder of hosts.toml, `directory` the host's own folder.

    Raises ConnectFailed, with its kinds HostKeyRefused and AuthenticationFailed, and UsageError where hosts.toml,
    known_hosts or the SSH configuration cannot be used. The caller closes it.
    """
    if host.connection == "local":
        from opsctl.edges.local.connection import LocalConnection

        return LocalConnection(name, host)
    if "invoke" not in sys.modules:
        # paramiko 5.1 imports it for `Match exec` in ssh_config alone: 40 of its 130 ms.
        sys.modules["invoke"] = None  # type: ignore[assignment]  # documented to make the import fail
    from opsctl.edges.ssh.connection import open_ssh

    return open_ssh(name, host, environment, root, directory=directory)
