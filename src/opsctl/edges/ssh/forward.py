"""The way to a remote engine's socket: a forwarded channel, or `docker system dial-stdio` where that is not possible."""

from __future__ import annotations

from collections.abc import Callable

from paramiko import ChannelException, SSHException

from opsctl.argv.command import Command
from opsctl.edges.engine.http import Stream
from opsctl.edges.engine.troubles import trouble
from opsctl.edges.ssh.shell import ChannelKind, SshShell
from opsctl.edges.ssh.wire import STREAMING_WINDOW, LinkTransport, OwnedChannel
from opsctl.errors import ConnectFailed, EngineUnavailable


class SshDoor:
    """Implements `Door` for one connection. What it finds out at the first stream holds for the following ones."""

    def __init__(
        self,
        transport: LinkTransport,
        shell: SshShell,
        *,
        where: str,
        socket: str,
        count: Callable[[ChannelKind], None],
    ) -> None:
        self.where = where
        self._transport = transport
        self._shell = shell
        self._socket = socket
        self._count = count
        self._forwards: bool | None = None

    def open(self) -> Stream:
        if self._forwards is None and self._shell.privileges.always("engine"):
            self._forwards = False
        if self._forwards is not False:
            try:
                self._count("socket")
                channel = self._transport.open_unix(self._socket)
            except ChannelException:
                # sshd tells a forbidden forwarding, a missing socket and a refused one by the same answer.
                self._refuse_if_missing()
                self._forwards = False
            except (SSHException, EOFError, OSError) as error:
                raise ConnectFailed("the connection was lost", where=self.where) from error
            else:
                self._forwards = True
                return channel
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
