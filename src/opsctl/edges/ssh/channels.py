"""The channels of one connection: opened, counted, and few enough for a server that allows few."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal
from weakref import WeakSet

from paramiko import ChannelException, SSHException
from paramiko.common import OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

from opsctl.edges.ssh.wire import ChannelSilent, LinkTransport, OwnedChannel
from opsctl.errors import ConnectFailed, CouldNotFindOut, NotReached, Silent

ChannelKind = Literal["exec", "session", "socket", "probe", "network"]

_ROOM_WITHIN = 5.0
"""Seconds that a refused channel waits for a command to end."""
_FREED_WITHIN = 0.3
"""Seconds that sshd may take to count a closed channel no longer (OpenSSH 9.2 collects them in its main loop)."""
_PAUSE = 0.05


class Channels:
    """Opens channels; where the server refuses one (MaxSessions), `release_idle` is called and it is tried again."""

    def __init__(self, transport: LinkTransport, where: str) -> None:
        self.where = where
        self.release_idle: Callable[[], None] = lambda: None
        self._transport = transport
        self._lock = threading.Lock()
        self._opened: Counter[str] = Counter()
        self._passing: WeakSet[OwnedChannel] = WeakSet()

    @property
    def opened(self) -> Mapping[str, int]:
        """How many were asked for so far, by kind."""
        with self._lock:
            return dict(self._opened)

    def command(self, kind: ChannelKind, window: int) -> OwnedChannel:
        """A channel for a command. Raises ConnectFailed."""
        self._count(kind)
        began = time.monotonic()
        while True:
            try:
                channel = self._transport.open_command(window)
            except ChannelException as error:
                self.release_idle()
                if time.monotonic() - began > (_ROOM_WITHIN if self._busy() else _FREED_WITHIN):
                    raise self._refused(error) from error
                time.sleep(_PAUSE)
            except (SSHException, EOFError, OSError) as error:
                raise self.lost() from error
            else:
                with self._lock:
                    if kind != "session":
                        self._passing.add(channel)
                return channel

    def unix(self, path: str) -> OwnedChannel | None:
        """A channel to a unix socket of the host; None where the server refuses, for whatever reason.

        Raises ConnectFailed. sshd tells a forbidden forwarding, a missing socket and a refused one by the same answer.
        """
        try:
            channel = self._transport.open_unix(path)
        except ChannelException:
            return None
        except (SSHException, EOFError, OSError) as error:
            raise self.lost() from error
        self._count("socket")
        return channel

    def tcp(self, address: str, port: int, timeout: float) -> OwnedChannel:
        """A channel to a port as the host sees it; no session, so that MaxSessions does not count it.

        Raises NotReached, CouldNotFindOut where sshd forbids it, and ConnectFailed.
        """
        self._count("network")
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        try:
            return self._transport.open_tcp(address, port, timeout)
        except ChannelException as error:
            if error.code == OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED:
                raise CouldNotFindOut(
                    f"sshd forwards no connection to {place}",
                    where=self.where,
                    hint="AllowTcpForwarding local in sshd_config, and no PermitOpen that leaves it out",
                ) from error
            # OpenSSH's answer to a failed connect is its strerror: "Connection refused", "No route to host".
            raise NotReached(f"{place}: {error.text or 'not reached'}", where=self.where) from error
        except ChannelSilent as error:
            raise Silent(f"{place}: silent for {timeout:g} s", where=self.where) from error
        except (SSHException, EOFError, OSError) as error:
            raise self.lost() from error

    def is_lost(self, within: float) -> bool:
        """Whether the connection broke; waits so long for the reading thread to notice."""
        self._transport.join(within)
        return not self._transport.is_active()

    def lost(self) -> ConnectFailed:
        return ConnectFailed("the connection was lost", where=self.where)

    def _busy(self) -> bool:
        """Whether a channel is open that will end by itself."""
        with self._lock:
            return any(not channel.closed for channel in self._passing)

    def _refused(self, error: ChannelException) -> ConnectFailed:
        return ConnectFailed(
            f"sshd opens no further channel: {error.text}",
            where=self.where,
            hint="MaxSessions in the host's sshd_config limits the channels of a connection; opsctl needs 3",
        )

    def _count(self, kind: ChannelKind) -> None:
        with self._lock:
            self._opened[kind] += 1
