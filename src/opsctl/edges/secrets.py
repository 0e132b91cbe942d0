"""The port `SecretStore` where nobody keeps secrets: values that opsctl makes up, for `lab` and `local`."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
import string
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from opsctl.errors import UsageError

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 32


class GeneratedStore:
    """One random value of 32 letters and digits for each name, made when it is first asked for.

    The file is JSON with mode 0600, and git must ignore it. Runs at the same time agree on every value.
    """

    def __init__(self, path: Path, allowed: Iterable[str]) -> None:
        self._path = path
        self._allowed = frozenset(allowed)
        self._values: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"GeneratedStore({self._path})"

    def get(self, name: str) -> str:
        """Raises UsageError for a name that the project does not use, and where the file cannot be used or trusted."""
        if name not in self._allowed:
            raise UsageError(
                f"no secret {name} is used in this environment",
                where=self._path.name,
                hint="a stack names its secrets: {secret: NAME} or {{ secret('NAME') }}",
            )
        if name not in self._values:
            self._values = self._ensured(name)
        return self._values[name]

    def login(self, name: str) -> str:
        """Raises UsageError: a value that is made up belongs to no login name."""
        raise UsageError(
            f"the made-up secret {name} has no login name",
            where=self._path.name,
            hint="write the name itself in the stack file, or keep the secret in a store: opsctl secrets init",
        )

    def names(self) -> frozenset[str]:
        return self._allowed

    def _ensured(self, name: str) -> dict[str, str]:
        try:
            with self._locked():
                values = self._read()
                if name not in values:
                    values[name] = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
                    self._write(values)
        except OSError as error:
            raise UsageError(
                f"cannot use {self._path}: {error.strerror}",
                hint=f"{self._path.parent} must be yours to read and write; a run under sudo makes it root's",
            ) from error
        return values

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other runs out. The lock is a file beside it, since the file itself is replaced."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(
            self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self) -> dict[str, str]:
        try:
            with self._path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if mode & 0o077:
                    raise UsageError(
                        f"{self._path} is open to others (mode {mode:04o})",
                        hint=f"chmod 600 {self._path}; if somebody else may have read it, delete it and deploy again",
                    )
                values = json.load(file)
        except FileNotFoundError:
            return {}
        except ValueError:
            # Not chained: the decoder's error holds the text.
            raise UsageError(
                f"{self._path} is not JSON",
                hint="restore it from a copy; without it services get new passwords",
            ) from None
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise UsageError(
                f"{self._path} is not a mapping of names to texts", hint="restore it from a copy"
            )
        return values

    def _write(self, values: dict[str, str]) -> None:
        # mkstemp makes it 0600 from the start.
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(values, file, indent=2, sort_keys=True)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
