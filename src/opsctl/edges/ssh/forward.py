"""What a host reaches: its engine's socket, by a forwarded channel or `docker system dial-stdio`, and TCP as it sees it."""

from __future__ import annotations

from opsctl.argv.command import Command
from opsctl.edges.engine.troubles import trouble
from opsctl.edges.ports import Stream
from opsctl.edges.ssh.channels import Channels
from opsctl.edges.ssh.shell import SshShell
from opsctl.edges.ssh.wire import STREAMING_WINDOW, OwnedChannel
from opsctl.errors import EngineUnavailable


class SshDoor:
    """Implements `Door` for one connection. What it finds out at the first stream holds for the following ones."""

    def __init__(self, channels: Channels, shell: SshShell, socket: str) -> None:
        self.where = channels.where
        self._channels = channels
        self._shell = shell
        self._socket = socket
        self._forwards = True

    @property
    def at_once(self) -> int:
        # A forwarded socket is no session; of those sshd allows ten (MaxSessions).
        return 16 if self._forwards else 4

    def open(self) -> Stream:
        if self._forwards and not self._shell.privileges.always("engine"):
            channel = self._channels.unix(self._socket)
            if channel:
                return channel
            self._refuse_if_missing()
            self._forwards = False
        return self._dial()

    def explain(self, stream: Stream, error: Exception) -> EngineUnavailable:
        said = b""
        if isinstance(stream, OwnedChannel):
            while stream.recv_stderr_ready():
                said += stream.recv_stderr(4096)
        return trouble(self.where, self._socket, said.decode(errors="replace"), error)

    def _dial(self) -> OwnedChannel:
        command = Command(("docker", "system", "dial-stdio"), privilege="engine", label="reach the engine")
        return self._shell.start(command, "socket", STREAMING_WINDOW)

    def _refuse_if_missing(self) -> None:
        rights = self._shell.privileges.rights()
        if rights.socket == "missing":
            raise trouble(self.where, self._socket, "", FileNotFoundError())
        if not rights.docker:
            raise EngineUnavailable(
                f"sshd does not forward {self._socket}, and there is no docker command to reach it with",
                where=self.where,
                hint="install the Docker command line on the host, or set AllowStreamLocalForwarding yes in sshd_config",
            )


class SshNetwork:
    """Implements `Network` for a host."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def open(self, address: str, port: int, timeout: float) -> Stream:
        return self._channels.tcp(address, port, timeout)
