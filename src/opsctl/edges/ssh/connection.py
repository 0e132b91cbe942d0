"""The port `Connection` over SSH."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opsctl.edges.engine.api import HttpEngine
from opsctl.edges.ssh.channels import Channels
from opsctl.edges.ssh.client import Link, connect
from opsctl.edges.ssh.forward import SshDoor, SshNetwork
from opsctl.edges.ssh.policy import read_policy
from opsctl.edges.ssh.shell import SshShell
from opsctl.edges.ssh.ssh_config import read_config
from opsctl.edges.ssh.target import ways
from opsctl.model.hosts import Environment, Host

DEFAULT_SOCKET = "/var/run/docker.sock"


class SshConnection:
    """One SSH connection, its shell and its engine."""

    def __init__(self, link: Link, name: str, host: Host, directory: str) -> None:
        self._link = link
        self._channels = Channels(link.transport, name)
        self._shell = SshShell(
            self._channels,
            user=link.user,
            sudo=host.sudo,
            directory=directory,
            engine_socket=host.engine_socket,
            default_socket=DEFAULT_SOCKET,
        )
        socket = host.engine_socket or DEFAULT_SOCKET
        self._engine = HttpEngine(SshDoor(self._channels, self._shell, socket))
        self._channels.release_idle = self._engine.release

    @property
    def shell(self) -> SshShell:
        return self._shell

    @property
    def engine(self) -> HttpEngine:
        return self._engine

    @property
    def network(self) -> SshNetwork:
        return SshNetwork(self._channels)

    @property
    def channels(self) -> Mapping[str, int]:
        return self._channels.opened

    def close(self) -> None:
        self._engine.release()
        self._link.close()


def open_ssh(name: str, host: Host, environment: Environment, root: Path, *, directory: str) -> SshConnection:
    """Raises ConnectFailed (also HostKeyRefused, AuthenticationFailed) and UsageError."""
    config = read_config(host.ssh_config, root)
    policy = read_policy(name, host.host_key, root / environment.known_hosts)
    link = connect(name, ways(name, host, root, config), policy)
    return SshConnection(link, name, host, directory)
