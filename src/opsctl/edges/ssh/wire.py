"""Channels of an SSH connection: paramiko's, with three things mended.

1. On a channel everything is sent by the threads that use it. paramiko 5.1 answers the host's CLOSE from its reading
   thread; data or EOF that another thread was about to send then follows the CLOSE, and sshd drops the whole connection
   ("for nonexistent channel", OpenSSH 9.2 channels.c).
2. Every wait has a limit, also the one for the answer to a request.
3. Channels to a unix socket (direct-streamlocal@openssh.com, OpenSSH's PROTOCOL section 2.4).
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paramiko import Channel, ChannelException, Message, SSHException, Transport
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_FAILURE,
    cMSG_CHANNEL_CLOSE,
    cMSG_CHANNEL_OPEN,
    cMSG_CHANNEL_REQUEST,
)

# Without a handler, Python's last resort would print paramiko's tracebacks on stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

CHANNEL_TIMEOUT = 10.0
COLLECTING_WINDOW = 2**31 - 1
STREAMING_WINDOW = 2**21
_MAX_PACKET = 2**15

if TYPE_CHECKING:

    class _Channel(Channel):
        """What the stubs leave out."""

        def _set_transport(self, transport: Transport) -> None: ...
        def _set_window(self, window_size: int, max_packet_size: int) -> None: ...
        def _set_closed(self) -> None: ...
        def _send_eof(self) -> Message | None: ...

    class _Transport(Transport):
        active: bool
        _channels: Any
        _channel_handler_table: dict[int, Callable[[Any, Message], None]]

        def _next_channel(self) -> int: ...
        def _unlink_channel(self, chanid: int) -> None: ...
        def _send_user_message(self, data: Message) -> None: ...
        def _parse_channel_open_failure(self, m: Message) -> None: ...

else:
    _Channel, _Transport = Channel, Transport


class ChannelSilent(SSHException):
    """The host did not answer a request for a channel in time."""


class OwnedChannel(_Channel):
    """A channel that only its users write to. `refused` is set when the host turned a request down."""

    def __init__(self, chanid: int) -> None:
        super().__init__(chanid)
        self.refused = False
        self._turn = threading.Lock()
        self._gone = False
        self._line: LinkTransport | None = None

    def bind(self, line: LinkTransport, window: int) -> None:
        self._line = line
        self._set_transport(line)
        self._set_window(window, _MAX_PACKET)

    def start(self, command: str) -> None:
        """Ask for a command. The answer is not waited for: a refusal closes the channel, data waits for its window."""
        self._ask("exec", command)

    def signal(self, name: str) -> None:
        """Send a signal to the command's process group (RFC 4254 section 6.9; sshd since 7.9), as far as the host lets."""
        self._ask("signal", name)

    def want_terminal(self, kind: str, columns: int, rows: int) -> None:
        """Ask for a terminal; before `start`."""
        self._ask("pty-req", kind, (columns, rows, 0, 0), "")

    def resize(self, columns: int, rows: int) -> None:
        self._ask("window-change", (columns, rows, 0, 0))

    def send(self, s: bytes | bytearray) -> int:
        with self._turn:
            return super().send(s)

    def end_input(self) -> None:
        """Tell the command that its stdin ends."""
        with self.lock:
            message = None if self.closed else self._send_eof()
        if message:
            self._say(message)

    def close(self) -> None:
        """Tell the host that we are done; safe from any thread and more than once."""
        with self.lock:
            if self._gone or not self.active or self._line is None:
                return
            self._gone = True
            self._set_closed()
            message = Message()
            message.add_byte(cMSG_CHANNEL_CLOSE)
            message.add_int(self.remote_chanid)
        with self._turn, contextlib.suppress(SSHException, EOFError, OSError):
            self._line.say(message)
        self._line.forget(self.chanid)

    def _ask(self, kind: str, *details: str | tuple[int, ...]) -> None:
        """A request of RFC 4254 section 6; those that set a command up are answered."""
        message = Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(self.remote_chanid)
        message.add_string(kind)
        message.add_boolean(kind in {"exec", "pty-req"})
        for detail in details:
            if isinstance(detail, str):
                message.add_string(detail)
            else:
                for figure in detail:
                    message.add_int(figure)
        self._say(message)

    def _say(self, message: Message) -> None:
        with self._turn:
            if not self._gone and self._line is not None:
                self._line.say(message)

    def _handle_close(self, m: Message) -> None:  # noqa: ARG002 - called by paramiko's reading thread
        with self.lock:
            self._set_closed()

    def _request_failed(self, m: Message) -> None:  # noqa: ARG002 - called by paramiko's reading thread
        self.refused = True
        with self.lock:
            self._set_closed()


def _close(channel: Any, message: Message) -> None:
    channel._handle_close(message)  # noqa: SLF001 - the table below calls the channel's own kind


def _refuse(channel: Any, message: Message) -> None:
    channel._request_failed(message)  # noqa: SLF001 - as above


class LinkTransport(_Transport):
    """One SSH connection to one machine."""

    # paramiko's table names its own channel's functions, past any subclass.
    _channel_handler_table = {  # noqa: RUF012 - as in paramiko
        **_Transport._channel_handler_table,  # noqa: SLF001 - its own base
        MSG_CHANNEL_CLOSE: _close,
        MSG_CHANNEL_FAILURE: _refuse,
    }

    def __init__(self, sock: Any, **options: Any) -> None:
        super().__init__(sock, **options)
        self._refusals: dict[int, ChannelException] = {}

    def open_command(self, window: int = COLLECTING_WINDOW) -> OwnedChannel:
        """A channel for one command. Raises SSHException, ChannelException where the host refuses it."""
        return self._open("session", window, b"")

    def open_unix(self, path: str) -> OwnedChannel:
        """A channel to a unix socket on the host. Raises as open_command."""
        message = Message()
        message.add_string(path)
        message.add_string("")
        message.add_int(0)
        return self._open("direct-streamlocal@openssh.com", STREAMING_WINDOW, message.asbytes())

    def open_tcp(self, host: str, port: int, timeout: float = CHANNEL_TIMEOUT) -> OwnedChannel:
        """A channel to a port that this machine can reach. Raises as open_command, and ChannelSilent."""
        message = Message()
        for name, number in ((host, port), ("127.0.0.1", 0)):
            message.add_string(name)
            message.add_int(number)
        return self._open("direct-tcpip", STREAMING_WINDOW, message.asbytes(), timeout)

    def say(self, message: Message) -> None:
        self._send_user_message(message)

    def forget(self, number: int) -> None:
        self._unlink_channel(number)

    def _open(self, kind: str, window: int, details: bytes, timeout: float = CHANNEL_TIMEOUT) -> OwnedChannel:
        if not self.active:
            raise SSHException("the connection is closed")
        with self.lock:
            number = self._next_channel()
            channel = OwnedChannel(number)
            channel.bind(self, window)
            self._channels.put(number, channel)
            self.channel_events[number] = opened = threading.Event()
            self.channels_seen[number] = True
        message = Message()
        message.add_byte(cMSG_CHANNEL_OPEN)
        message.add_string(kind)
        for figure in (number, window, _MAX_PACKET):
            message.add_int(figure)
        message.add_bytes(details)
        self.say(message)
        if not opened.wait(timeout):
            self.forget(number)
            raise ChannelSilent(f"no answer to a new channel within {timeout:g} s")
        if refusal := self._refusals.pop(number, None):
            raise refusal
        if not self.active:
            raise SSHException("the connection was lost")
        return channel

    def _parse_channel_open_failure(self, m: Message) -> None:
        number, code, reason = m.get_int(), m.get_int(), m.get_text()
        self._refusals[number] = ChannelException(code, reason)
        m.rewind()
        super()._parse_channel_open_failure(m)
