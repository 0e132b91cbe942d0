"""Where age keys are looked for: the same places as sops does (age/keysource.go, sops 3.13.2)."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from opsctl.errors import NoKey

KEY = "SOPS_AGE_KEY"
KEY_FILE = "SOPS_AGE_KEY_FILE"
KEY_COMMAND = "SOPS_AGE_KEY_CMD"
SSH_FILE = "SOPS_AGE_SSH_PRIVATE_KEY_FILE"
SSH_COMMAND = "SOPS_AGE_SSH_PRIVATE_KEY_CMD"
RECIPIENT = "SOPS_AGE_RECIPIENT"
_SSH_FILES = (".ssh/id_ed25519", ".ssh/id_rsa")
_COMMAND_SECONDS = 60.0
"""Long enough to unlock a password manager."""


class Identities:
    """Age identities, and what became of each place that was looked at. It prints no key."""

    def __init__(
        self,
        found: Sequence[Any] = (),
        sources: Sequence[str] = (),
        commands: Sequence[KeyCommand] = (),
    ) -> None:
        self.all = tuple(found)
        """Those of variables and files; what commands give comes from `by_command`."""
        self._sources = tuple(sources)
        self._commands = tuple(commands)

    def __repr__(self) -> str:
        return f"Identities({len(self.all)})"

    def by_command(self, recipient: str) -> tuple[Any, ...]:
        """What the key commands give for a recipient; each is run at most once for it."""
        return tuple(identity for command in self._commands for identity in command.identities(recipient))

    def holds(self, recipient: str) -> bool:
        """Whether the key of an X25519 recipient is among them."""
        return recipient in _recipients((*self.all, *self.by_command(recipient)))

    @property
    def sources(self) -> tuple[str, ...]:
        """One line for each place, for messages: "SOPS_AGE_KEY: not set"."""
        return (*self._sources, *(f"{command.variable}: {command.said}" for command in self._commands))

    @cached_property
    def recipients(self) -> tuple[str, ...]:
        """The public keys of the X25519 identities, those that a command gives for no one recipient included."""
        return _recipients((*self.all, *self.by_command("")))


@dataclass
class KeyCommand:
    """A variable's command, which is told the recipient in SOPS_AGE_RECIPIENT and prints keys.

    It asks people on their terminal: stderr stays as it is, stdin is empty.
    """

    variable: str
    line: str
    environ: Mapping[str, str] = field(repr=False)
    seconds: float = _COMMAND_SECONDS
    said: str = "not run"
    _given: dict[str, tuple[Any, ...]] = field(default_factory=dict, repr=False)

    def identities(self, recipient: str) -> tuple[Any, ...]:
        if recipient not in self._given:
            self._given[recipient] = self._run(recipient)
        return self._given[recipient]

    def _run(self, recipient: str) -> tuple[Any, ...]:
        try:
            with subprocess.Popen(
                shlex.split(self.line),
                env={**self.environ, RECIPIENT: recipient},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
            ) as process:
                return self._read(process)
        except (OSError, ValueError, IndexError) as error:
            self.said = f"cannot be run ({getattr(error, 'strerror', None) or 'not a command line'})"
            return ()

    def _read(self, process: subprocess.Popen[bytes]) -> tuple[Any, ...]:
        try:
            printed, _ = process.communicate(timeout=self.seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            # A child of it may hold the pipe open; it is not waited for.
            if process.stdout:
                process.stdout.close()
            self.said = f"gave no answer within {self.seconds:g} s"
            return ()
        if process.returncode:
            self.said = f"failed with code {process.returncode}"
            return ()
        found, self.said = _parsed(printed, ssh=self.variable == SSH_COMMAND)
        return found


def load(environ: Mapping[str, str], home: Path) -> Identities:
    """Looks at every place; one that cannot be used is told in `sources` and stops nobody.

    Raises NoKey for a named or default key file that group or others can read.
    """
    found: list[Any] = []
    sources: list[str] = []
    for name, identities, said in _looked_at(environ, home):
        found += identities
        sources.append(f"{name}: {said}")
    commands = [
        KeyCommand(variable, environ[variable], environ)
        for variable in (SSH_COMMAND, KEY_COMMAND)
        if variable in environ
    ]
    sources += [f"{variable}: not set" for variable in (SSH_COMMAND, KEY_COMMAND) if variable not in environ]
    return Identities(found, sources, commands)


def generate() -> tuple[str, str]:
    """A new key: the text of its file, as age-keygen writes it, and the recipient. The text is secret."""
    from pyrage import x25519

    identity = x25519.Identity.generate()
    recipient = str(identity.to_public())
    return f"# public key: {recipient}\n{identity}\n", recipient


def key_file(environ: Mapping[str, str], home: Path) -> Path:
    """Where a person's own keys lie if no variable says otherwise (Go's os.UserConfigDir, and XDG_CONFIG_HOME first)."""
    given = environ.get("XDG_CONFIG_HOME", "")
    if not given:
        given = str(home / ("Library/Application Support" if sys.platform == "darwin" else ".config"))
    return Path(given) / "sops" / "age" / "keys.txt"


def _looked_at(environ: Mapping[str, str], home: Path) -> Iterator[tuple[str, tuple[Any, ...], str]]:
    if SSH_FILE in environ:
        path = Path(environ[SSH_FILE])
        yield f"{SSH_FILE} ({path})", *_in_file(path, ssh=True)
    else:
        yield SSH_FILE, (), "not set"
    for name in _SSH_FILES:
        path = home / name
        try:
            yield str(path), *_in_file(path, ssh=True)
        except NoKey as error:
            # Nobody said that this key is for secrets.
            yield str(path), (), error.message
    if KEY in environ:
        lines = [line for line in environ[KEY].splitlines() if not line.startswith("#")]
        yield KEY, *_parsed("\n".join(word for line in lines for word in line.split()).encode())
    else:
        yield KEY, (), "not set"
    if KEY_FILE in environ:
        path = Path(environ[KEY_FILE])
        yield f"{KEY_FILE} ({path})", *_in_file(path)
    else:
        yield KEY_FILE, (), "not set"
    path = key_file(environ, home)
    yield str(path), *_in_file(path)


def _in_file(path: Path, *, ssh: bool = False) -> tuple[tuple[Any, ...], str]:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise NoKey(
                    f"the key file {path} is open to others (mode {mode:04o})",
                    hint=f"chmod 600 {path}; if somebody else may have read it, make a new key and rotate what it opens",
                )
            data = file.read()
    except OSError as error:
        return (), (error.strerror or "cannot be read").lower()
    return _parsed(data, ssh=ssh)


def _parsed(data: bytes, *, ssh: bool = False) -> tuple[tuple[Any, ...], str]:
    """The identities and what to say of them. One bad line spoils its source, as with sops."""
    from pyrage import IdentityError

    try:
        found = (_ssh(data),) if ssh else tuple(_identities(data.decode()))
    except (IdentityError, ValueError) as error:
        # An IdentityError may quote what it could not read.
        return (), str(error) if type(error) is _Unusable else "not a key that opsctl can use"
    return found, f"{len(found)} key{'s' if len(found) != 1 else ''}"


class _Unusable(ValueError):
    """Says why, without quoting the key."""


def _identities(text: str) -> Iterator[Any]:
    from pyrage import IdentityError, x25519

    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("AGE-PLUGIN-"):
            raise _Unusable(f"line {number} is a key of an age plugin, which opsctl cannot use")
        if line.startswith(("age-encryption.org/", "-----BEGIN AGE ENCRYPTED")):
            raise _Unusable("protected by a passphrase; give it as SOPS_AGE_KEY_CMD='age --decrypt FILE'")
        try:
            yield x25519.Identity.from_str(line)
        except IdentityError:
            raise _Unusable(f"line {number} is not an age key") from None


def _ssh(data: bytes) -> Any:
    from pyrage import ssh

    return ssh.Identity.from_buffer(data)


def _recipients(identities: Iterable[Any]) -> tuple[str, ...]:
    from pyrage import x25519

    return tuple(
        dict.fromkeys(str(one.to_public()) for one in identities if isinstance(one, x25519.Identity))
    )
