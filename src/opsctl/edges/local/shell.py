"""The port `Shell` on this machine."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping

from opsctl.argv.command import Command, Completed
from opsctl.edges.local.feeding import Feeding, Silent
from opsctl.edges.local.processes import child_environment, end_group, interrupts_left_to_the_child, start
from opsctl.edges.local.producing import produce
from opsctl.edges.local.session import LocalSession
from opsctl.edges.ports import Session
from opsctl.edges.privilege import SUDO
from opsctl.errors import CommandFailed, ConnectFailed
from opsctl.model.hosts import Sudo

NOT_FOUND = 127
"""The code by which a shell says that it cannot start a command, here as on a host."""


class LocalShell:
    """Runs commands as children in process groups of their own, with a short environment."""

    def __init__(
        self,
        *,
        where: str,
        sudo: Sudo,
        engine_socket: str,
        environment: Mapping[str, str],
        count: Callable[[str], None],
    ) -> None:
        self._where = where
        self._sudo = sudo
        self._count = count
        self._environment = child_environment(environment, engine_socket)

    def run(self, command: Command) -> Completed:
        self._count("exec")
        try:
            process = start(self.words(command), self._environment)
        except OSError as error:
            return _not_found(command, error)
        with process:
            try:
                stdout, stderr = process.communicate(command.stdin, command.timeout)
            except subprocess.TimeoutExpired:
                end_group(process)
                stdout, stderr = process.communicate()
                note = f"\nopsctl: not ended after {command.timeout:g} s; stopped\n"
                return Completed(command, -1, stdout, stderr + note.encode())
            except BaseException:
                end_group(process)
                raise
        return Completed(command, max(process.returncode, -1), stdout, stderr)

    def feed(self, command: Command, chunks: Iterable[bytes]) -> Completed:
        self._count("exec")
        try:
            process = start(self.words(command), self._environment)
        except OSError as error:
            return _not_found(command, error)
        note = b""
        with process:
            feeding = Feeding(process, command.timeout)
            try:
                feeding.feed(chunks)
            except Silent:
                end_group(process)
                note = f"\nopsctl: no progress for {command.timeout:g} s; stopped\n".encode()
            except BaseException:
                # Before its stdin ends, so that no command takes a part for the whole.
                end_group(process)
                raise
        code = -1 if note else max(process.returncode, -1)
        return Completed(command, code, bytes(feeding.stdout), bytes(feeding.stderr) + note)

    def produce(self, command: Command) -> Generator[bytes]:
        """Implements `Producer`."""
        self._count("exec")
        with tempfile.TemporaryFile() as errors:
            try:
                process = start(self.words(command), self._environment, errors.fileno())
            except OSError as error:
                raise self._not_started(command, error) from error
            note = ""
            with process:
                try:
                    yield from produce(process, command.timeout)
                except Silent:
                    note = f" (nothing for {command.timeout:g} s)"
                finally:
                    if process.poll() is None:
                        end_group(process)
            if note or process.returncode:
                errors.seek(0)
                done = Completed(command, process.returncode, b"", errors.read())
                raise CommandFailed(
                    f"{command.label or command.words[0]} failed{note}",
                    where=self._where,
                    evidence=done.last_lines(3),
                )

    def open(self, command: Command) -> Session:
        self._count("session")
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - the session closes it
        try:
            process = start(self.words(command), self._environment, errors.fileno())
        except OSError as error:
            errors.close()
            raise self._not_started(command, error) from error
        session = LocalSession(process, errors, self._where)
        if command.stdin:
            session.write(command.stdin)
        return session

    def attach(self, command: Command, *, tty: bool) -> int:  # noqa: ARG002 - the terminal is inherited either way
        self._count("exec")
        with interrupts_left_to_the_child():
            try:
                code = subprocess.run(self.words(command), env=self._environment, check=False).returncode
            except OSError as error:
                raise self._not_started(command, error) from error
        return 128 - code if code < 0 else code

    def words(self, command: Command) -> list[str]:
        """The command, with sudo where hosts.toml asks for it; "auto" means none here. sudo drops the environment."""
        modes = {"files": (self._sudo.files,), "engine": (self._sudo.engine,), "none": ()}
        wanted = modes["files"] + modes["engine"] if command.privilege == "both" else modes[command.privilege]
        if "always" not in wanted:
            return list(command.words)
        kept = (f"{name}={self._environment[name]}" for name in ("LC_ALL", "DOCKER_HOST"))
        return [*SUDO, "env", *kept, *command.words]

    def _not_started(self, command: Command, error: OSError) -> ConnectFailed:
        return ConnectFailed(
            f"cannot start {command.words[0]}: {error.strerror}", where=self._where, hint="is it installed?"
        )


def _not_found(command: Command, error: OSError) -> Completed:
    return Completed(command, NOT_FOUND, b"", f"{error.filename}: {error.strerror}\n".encode())
