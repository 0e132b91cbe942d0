"""Whether a command needs sudo: decided separately for files and for the engine, found out once per connection."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from opsctl.argv.command import Command, Completed, Privilege, script
from opsctl.errors import CouldNotFindOut, EngineUnavailable
from opsctl.model.hosts import Sudo

SUDO = ("sudo", "-n", "--")

# Writable means: the folder and what opsctl keeps in it, or else the nearest parent that exists.
_PROBE = """
d=$1
while [ ! -e "$d" ] && [ "$d" != / ]; do d=$(dirname -- "$d"); done
files=yes
for p in "$d" "$1/.opsctl"; do
  if [ -e "$p" ] && ! { [ -w "$p" ] && [ -x "$p" ]; }; then files=no; fi
done
echo "files=$files"
if [ ! -e "$2" ]; then echo socket=missing
elif [ -r "$2" ] && [ -w "$2" ]; then echo socket=open
else echo socket=denied; fi
if command -v docker >/dev/null; then echo docker=yes; fi
if sudo -n true 2>/dev/null; then echo sudo=yes; fi
"""


@dataclass(frozen=True, slots=True)
class Rights:
    """What the login user may do on a host, as it is."""

    files: bool
    socket: Literal["open", "denied", "missing"]
    docker: bool
    sudo: bool


def probe(directory: str, socket: str) -> Command:
    """The command that finds out the rights."""
    return Command(
        script(_PROBE, directory, socket), privilege="none", timeout=20.0, label="look at the user's rights"
    )


def read_rights(output: bytes) -> Rights:
    """The rights that the probe printed. Raises ValueError where it printed something else."""
    facts = dict(line.partition("=")[::2] for line in output.decode(errors="replace").splitlines())
    socket = facts.get("socket")
    if socket not in {"open", "denied", "missing"} or "files" not in facts:
        raise ValueError("the probe of the user's rights printed something else")
    return Rights(
        files=facts["files"] == "yes",
        socket=socket,  # type: ignore[arg-type]  # one of the three
        docker="docker" in facts,
        sudo="sudo" in facts,
    )


class Privileges:
    """The sudo decisions of one connection. The rights are looked at once, and only if a decision needs them."""

    def __init__(
        self,
        sudo: Sudo,
        *,
        user: str,
        where: str,
        directory: str,
        socket: str,
        run: Callable[[Command], Completed],
    ) -> None:
        self._sudo = sudo
        self._user = user
        self._where = where
        self._directory = directory
        self._socket = socket
        self._run = run
        self._lock = threading.Lock()
        self._rights: Rights | None = None

    def prefix(self, privilege: Privilege) -> tuple[str, ...]:
        """The words before a command. Raises CouldNotFindOut or EngineUnavailable where sudo is needed and refused."""
        if privilege == "none":
            return ()
        if privilege == "both":
            return self.prefix("files") or self.prefix("engine")
        mode = self._sudo.files if privilege == "files" else self._sudo.engine
        if mode != "auto":
            return SUDO if mode == "always" else ()
        if self._user == "root":
            return ()
        rights = self.rights()
        if rights.files if privilege == "files" else rights.socket != "denied":
            return ()
        if rights.sudo:
            return SUDO
        raise self._refused_files() if privilege == "files" else self._refused_engine()

    def always(self, privilege: Privilege) -> bool:
        """Whether hosts.toml asks for sudo whatever the user may do."""
        return (self._sudo.files if privilege == "files" else self._sudo.engine) == "always"

    def rights(self) -> Rights:
        """Raises CouldNotFindOut where the host does not say."""
        with self._lock:
            if self._rights is None:
                completed = self._run(probe(self._directory, self._socket))
                try:
                    self._rights = read_rights(completed.stdout)
                except ValueError as error:
                    raise CouldNotFindOut(
                        f"cannot find out what {self._user} may do",
                        where=self._where,
                        evidence=completed.last_lines(),
                        hint="opsctl needs a POSIX login shell that prints nothing for a command without a terminal",
                    ) from error
            return self._rights

    def _refused_files(self) -> CouldNotFindOut:
        return CouldNotFindOut(
            f"{self._user} may not write {self._directory}, and sudo asks for a password",
            where=self._where,
            hint=f"give the folder to {self._user}, or put `{self._user} ALL=(root) NOPASSWD: ALL` in /etc/sudoers.d/opsctl",
        )

    def _refused_engine(self) -> EngineUnavailable:
        return EngineUnavailable(
            f"{self._user} may not use {self._socket}, and sudo asks for a password",
            where=self._where,
            hint=f"`usermod -aG docker {self._user}`, or `{self._user} ALL=(root) NOPASSWD: ALL` in /etc/sudoers.d/opsctl;"
            " mind that whoever may use the engine is root on that machine",
        )
