"""A command that stays on its channel, line by line."""

from __future__ import annotations

import time

from opsctl.edges.ssh.wire import OwnedChannel
from opsctl.errors import ConnectFailed

_SEND_TIMEOUT = 10.0
_ALL = 2**20


class SshSession:
    """Implements the port `Session`. One thread may send while another receives."""

    def __init__(self, channel: OwnedChannel, where: str) -> None:
        self._channel = channel
        self._where = where
        self._pending = b""
        self._stderr = bytearray()

    def send(self, line: str) -> None:
        gone = ConnectFailed("the other end of a session is gone", where=self._where)
        self._channel.settimeout(_SEND_TIMEOUT)
        try:
            self._channel.sendall(line.encode() + b"\n")
        except OSError as error:
            raise gone from error
        # The command's end is known before its channel is closed; a broken connection drops what is sent in silence.
        if self._channel.closed or self._channel.status_event.is_set():
            raise gone

    def receive(self, timeout: float) -> str | None:
        deadline = time.monotonic() + timeout
        while b"\n" not in self._pending:
            self._channel.settimeout(max(0.0, deadline - time.monotonic()))
            part = self._channel.recv(_ALL)
            if not part:
                rest, self._pending = self._pending, b""
                return rest.decode(errors="replace") if rest else None
            self._pending += part
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode(errors="replace")

    def exit_code(self, timeout: float) -> int:
        """The exit code; -1 where there is none. Raises TimeoutError."""
        if not self._channel.status_event.wait(timeout):
            raise TimeoutError(f"no end within {timeout:g} s")
        return self._channel.exit_status

    def stderr(self) -> bytes:
        while self._channel.recv_stderr_ready():
            self._stderr += self._channel.recv_stderr(_ALL)
        return bytes(self._stderr)

    def close(self) -> None:
        self._channel.close()
