"""The keys that are offered to a host: files and an agent, and what was wrong with those that could not be used."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from paramiko import PKey, SSHException
from paramiko.agent import AgentSSH
from paramiko.pkey import UnknownKeyType

from opsctl.edges.ssh.known_hosts import HostKey
from opsctl.edges.ssh.target import Hop, IdentityFile
from opsctl.errors import AuthenticationFailed

_AGENT_TIMEOUT = 10.0


class Identities:
    """Offers the keys of one hop in OpenSSH's order, each loaded only when its turn comes.

    First, for each file, the agent's copy of that key or the file itself; then the agent's other keys, unless
    IdentitiesOnly is set. `notes` says what was tried and why it did not serve.
    """

    def __init__(self, hop: Hop, where: str) -> None:
        self._hop = hop
        self._where = where
        self._agent: _Agent | None = None
        self.notes: list[str] = []

    def check_files(self) -> None:
        """Raises AuthenticationFailed where a file that hosts.toml names is missing or open to others."""
        for file in self._hop.identity_files:
            if file.required and (problem := _problem_of(file.path)):
                raise AuthenticationFailed(problem, where=self._where, hint=_how_to_mend(file.path))

    def __iter__(self) -> Iterator[tuple[str, PKey]]:
        offered: set[bytes] = set()
        held = {key.asbytes(): key for key in self._agent_keys()}
        for file in self._hop.identity_files:
            public = _public_blob(file.path)
            if public is not None and public in held:
                offered.add(public)
                yield f"{file.path} (by the agent)", held[public]
            elif (key := self._load(file)) and key.asbytes() not in offered:
                offered.add(key.asbytes())
                yield str(file.path), key
        for blob, key in held.items():
            if blob not in offered and not self._hop.identities_only:
                yield f"agent key {key.fingerprint}", key

    def close(self) -> None:
        if self._agent:
            self._agent.close()

    def _load(self, file: IdentityFile) -> PKey | None:
        if problem := _problem_of(file.path):
            if file.required or file.path.exists():
                self.notes.append(problem)
            return None
        try:
            return PKey.from_path(file.path)
        except UnknownKeyType:
            self.notes.append(f"{file.path}: a key of a type that only an agent can use")
        except (SSHException, ValueError, TypeError, UnsupportedAlgorithm) as error:
            # cryptography 50 tells a missing passphrase only by its words.
            if "password" in str(error).lower() or "encrypted" in str(error).lower():
                self.notes.append(f"{file.path}: encrypted, and no agent holds it; `ssh-add {file.path}`")
            else:
                self.notes.append(f"{file.path}: not a private key that can be read")
        return None

    def _agent_keys(self) -> tuple[PKey, ...]:
        path = self._hop.agent or "SSH_AUTH_SOCK"
        if path in {"SSH_AUTH_SOCK", "$SSH_AUTH_SOCK"}:
            path = os.environ.get("SSH_AUTH_SOCK", "none")
        if path == "none":
            return ()
        try:
            self._agent = _Agent(Path(path).expanduser())
        except (OSError, SSHException) as error:
            self.notes.append(f"agent {path}: {error}")
            return ()
        return self._agent.get_keys()


class _Agent(AgentSSH):
    """An agent at a path; paramiko's own class knows only $SSH_AUTH_SOCK."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_AGENT_TIMEOUT)
        try:
            self._socket.connect(str(path))
            self._connect(self._socket)  # type: ignore[attr-defined]  # not in the stubs
        except BaseException:
            self._socket.close()
            raise
        # A hardware key's agent answers when its owner has touched it.
        self._socket.settimeout(None)

    def close(self) -> None:
        self._socket.close()


def _problem_of(path: Path) -> str | None:
    try:
        mode = path.stat().st_mode
        with path.open("rb"):
            pass
    except FileNotFoundError:
        return f"there is no key file {path}"
    except OSError as error:
        return f"cannot read the key file {path}: {error.strerror}"
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"the key file {path} is open to others (mode {stat.S_IMODE(mode):04o})"
    return None


def _how_to_mend(path: Path) -> str:
    if not path.exists():
        return "identity_files in hosts.toml are relative to its folder; keys of an agent need no file"
    return f"chmod 600 {path}"


def _public_blob(path: Path) -> bytes | None:
    """The public half of a key file, from the `.pub` file beside it."""
    try:
        return HostKey.parse(path.with_name(path.name + ".pub").read_text(encoding="utf-8")).blob
    except (OSError, ValueError):
        return None
