"""The port `Shell` over one SSH connection."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace

from opsctl.argv.command import Command, Completed
from opsctl.edges.ports import Session
from opsctl.edges.privilege import SUDO, Privileges
from opsctl.edges.ssh.channels import ChannelKind, Channels
from opsctl.edges.ssh.execute import execute, feed, shell_line
from opsctl.edges.ssh.session import SshSession
from opsctl.edges.ssh.wire import COLLECTING_WINDOW, STREAMING_WINDOW, OwnedChannel
from opsctl.errors import ConnectFailed, CouldNotFindOut
from opsctl.model.hosts import Sudo

_GRACE = 2.0
"""Seconds for the reading thread to notice that a connection broke under a command."""


class SshShell:
    """Runs commands of a host, each on a channel of its own, under the sudo decision that its privilege asks for."""

    def __init__(
        self,
        channels: Channels,
        *,
        user: str,
        sudo: Sudo,
        directory: str,
        engine_socket: str | None,
        default_socket: str,
    ) -> None:
        self._channels = channels
        self._where = channels.where
        # The client on the host must talk to the engine that this connection reads.
        self._engine_env = (f"DOCKER_HOST=unix://{engine_socket}",) if engine_socket else ()
        self.privileges = Privileges(
            sudo,
            user=user,
            where=channels.where,
            directory=directory,
            socket=engine_socket or default_socket,
            run=self._run_probe,
        )

    def run(self, command: Command) -> Completed:
        return self._run(command, "exec")

    def feed(self, command: Command, chunks: Iterable[bytes]) -> Completed:
        return self._run(command, "exec", chunks)

    def open(self, command: Command) -> Session:
        channel = self.start(command, "session", STREAMING_WINDOW)
        session = SshSession(channel, self._where)
        if command.stdin:
            channel.sendall(command.stdin)
        return session

    def attach(self, command: Command, *, tty: bool) -> int:
        from opsctl.edges.ssh.attach import pass_through

        channel = self._channels.command("exec", STREAMING_WINDOW)
        with contextlib.closing(channel):
            return pass_through(channel, self.line(command), tty=tty, where=self._where)

    def start(self, command: Command, kind: ChannelKind, window: int) -> OwnedChannel:
        """A channel on which the command was asked for. Raises ConnectFailed."""
        line = self.line(command)
        channel = self._channels.command(kind, window)
        channel.start(line)
        return channel

    def line(self, command: Command) -> str:
        """What the login shell is given: to become the command. The environment comes after sudo, which would drop it."""
        env = ("env", "LC_ALL=C", *(self._engine_env if command.privilege in {"engine", "both"} else ()))
        return "exec " + shell_line((*self.privileges.prefix(command.privilege), *env, *command.words))

    def _run_probe(self, command: Command) -> Completed:
        return self._run(command, "probe")

    def _run(self, command: Command, kind: ChannelKind, chunks: Iterable[bytes] | None = None) -> Completed:
        line = self.line(command)
        with contextlib.closing(self._channels.command(kind, COLLECTING_WINDOW)) as channel:
            if chunks is None:
                code, stdout, stderr, timed_out = execute(channel, line, command.stdin, command.timeout)
            else:
                code, stdout, stderr, timed_out = feed(channel, line, chunks, command.timeout)
            if code is None and not timed_out:
                self._raise_if_lost(channel, command)
        completed = Completed(command, -1 if code is None else code, stdout, stderr)
        if timed_out:
            what = "not ended after" if chunks is None else "no progress for"
            note = f"\nopsctl: {what} {command.timeout:g} s; told to stop\n"
            return replace(completed, stderr=stderr + note.encode())
        self._raise_if_sudo_refused(line, completed)
        return completed

    def _raise_if_lost(self, channel: OwnedChannel, command: Command) -> None:
        """Tell a command that a signal ended from one that was refused and from a connection that broke."""
        if channel.refused:
            raise ConnectFailed(
                f"sshd does not run commands for this user ({command.label or command.words[0]})",
                where=self._where,
            )
        # sshd sends the end of the output before it closes a channel; a broken connection sends nothing more.
        if self._channels.is_lost(within=0.0 if channel.eof_received else _GRACE):
            raise self._channels.lost()

    def _raise_if_sudo_refused(self, line: str, completed: Completed) -> None:
        refused = completed.code == 1 and completed.stderr.startswith(b"sudo: ")
        if refused and line.startswith("exec " + shell_line(SUDO)):
            raise CouldNotFindOut(
                "sudo was refused",
                where=self._where,
                evidence=completed.last_lines(3),
                hint='sudo must not ask for a password: NOPASSWD in /etc/sudoers.d/opsctl, or sudo = {files = "never", engine = "never"} in hosts.toml',
            )
