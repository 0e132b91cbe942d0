"""The port `Shell` over one SSH connection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from paramiko import ChannelException, SSHException

from opsctl.argv.command import Command, Completed
from opsctl.edges.ports import Session
from opsctl.edges.privilege import SUDO, Privileges
from opsctl.edges.ssh.execute import execute, shell_line
from opsctl.edges.ssh.session import SshSession
from opsctl.edges.ssh.wire import COLLECTING_WINDOW, STREAMING_WINDOW, LinkTransport, OwnedChannel
from opsctl.errors import ConnectFailed, CouldNotFindOut
from opsctl.model.hosts import Sudo

ChannelKind = Literal["exec", "session", "socket", "probe"]

_GRACE = 2.0
"""Seconds for the reading thread to notice that a connection broke under a command."""


class SshShell:
    """Runs commands of a host, each on a channel of its own, under the sudo decision that its privilege asks for."""

    def __init__(
        self,
        transport: LinkTransport,
        *,
        where: str,
        user: str,
        sudo: Sudo,
        directory: str,
        engine_socket: str | None,
        default_socket: str,
        count: Callable[[ChannelKind], None],
    ) -> None:
        self._transport = transport
        self._where = where
        self._count = count
        # The client on the host must talk to the engine that this connection reads.
        self._engine_env = (f"DOCKER_HOST=unix://{engine_socket}",) if engine_socket else ()
        self.privileges = Privileges(
            sudo,
            user=user,
            where=where,
            directory=directory,
            socket=engine_socket or default_socket,
            run=self._run_probe,
        )

    def run(self, command: Command) -> Completed:
        return self._run(command, "exec")

    def open(self, command: Command) -> Session:
        channel = self.start(command, "session", STREAMING_WINDOW)
        session = SshSession(channel, self._where)
        if command.stdin:
            channel.sendall(command.stdin)
        return session

    def attach(self, command: Command, *, tty: bool) -> int:
        from opsctl.edges.ssh.attach import pass_through

        channel = self._channel("exec", STREAMING_WINDOW)
        with contextlib.closing(channel):
            return pass_through(channel, self.line(command), tty=tty, where=self._where)

    def start(self, command: Command, kind: ChannelKind, window: int) -> OwnedChannel:
        """A channel on which the command was asked for. Raises ConnectFailed."""
        line = self.line(command)
        channel = self._channel(kind, window)
        channel.start(line)
        return channel

    def line(self, command: Command) -> str:
        """What the login shell is given: to become the command. The environment comes after sudo, which would drop it."""
        env = ("env", "LC_ALL=C", *(self._engine_env if command.privilege in {"engine", "both"} else ()))
        return "exec " + shell_line((*self.privileges.prefix(command.privilege), *env, *command.words))

    def _run_probe(self, command: Command) -> Completed:
        return self._run(command, "probe")

    def _run(self, command: Command, kind: ChannelKind) -> Completed:
        line = self.line(command)
        with contextlib.closing(self._channel(kind, COLLECTING_WINDOW)) as channel:
            code, stdout, stderr, timed_out = execute(channel, line, command.stdin, command.timeout)
            if code is None and not timed_out:
                self._raise_if_lost(channel, command)
        completed = Completed(command, -1 if code is None else code, stdout, stderr)
        if timed_out:
            note = f"\nopsctl: not ended after {command.timeout:g} s; told to stop\n"
            return replace(completed, stderr=stderr + note.encode())
        self._raise_if_sudo_refused(line, completed)
        return completed

    def _channel(self, kind: ChannelKind, window: int) -> OwnedChannel:
        self._count(kind)
        try:
            return self._transport.open_command(window)
        except ChannelException as error:
            raise ConnectFailed(
                f"sshd opens no further channel: {error.text}",
                where=self._where,
                hint="MaxSessions in the host's sshd_config limits the channels of a connection; its default is 10",
            ) from error
        except (SSHException, EOFError, OSError) as error:
            raise self._lost() from error

    def _raise_if_lost(self, channel: OwnedChannel, command: Command) -> None:
        """Tell a command that a signal ended from one that was refused and from a connection that broke."""
        if channel.refused:
            raise ConnectFailed(
                f"sshd does not run commands for this user ({command.label or command.words[0]})",
                where=self._where,
            )
        # sshd sends the end of the output before it closes a channel; a broken connection sends nothing more.
        if not channel.eof_received:
            self._transport.join(_GRACE)
        if not self._transport.is_active():
            raise self._lost()

    def _raise_if_sudo_refused(self, line: str, completed: Completed) -> None:
        refused = completed.code == 1 and completed.stderr.startswith(b"sudo: ")
        if refused and line.startswith("exec " + shell_line(SUDO)):
            raise CouldNotFindOut(
                "sudo was refused",
                where=self._where,
                evidence=completed.last_lines(3),
                hint='sudo must not ask for a password: NOPASSWD in /etc/sudoers.d/opsctl, or sudo = "never" in hosts.toml',
            )

    def _lost(self) -> ConnectFailed:
        return ConnectFailed("the connection was lost", where=self._where)
