"""The access log: one file for each project in the user's state folder, appended to before a secret is shown."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import socket
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from opsctl.errors import OperationFailed
from opsctl.secrets.access import FIRST, Access, Flaw, accesses, digest, is_whole, repair, verify, written

_CHUNK = 1 << 16
_LOCK_POLL = 0.05
_GIT_WAIT = 5.0
_GIT_SEES = ("PATH", "HOME", "XDG_CONFIG_HOME", "GIT_DIR", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is at the keyboard, as far as this machine knows."""

    user: str
    machine: str
    email: str = ""


def viewer(environ: Mapping[str, str], folder: Path) -> Viewer:
    """The login name of this process's user id, as root behind sudo the name of who typed it (SUDO_USER); the machine;
    and git's user.email as a repository in `folder` has it, "" without one.
    """
    return Viewer(_login(environ), socket.gethostname(), _git_email(environ, folder))


class AccessLog:
    """A chain of lines in a file with mode 0600 below a folder with mode 0700. Runs at the same time append in turn; none
    waits longer than `patience` seconds for the others.
    """

    def __init__(self, path: Path, *, patience: float = 10.0) -> None:
        self._path = path
        self._patience = patience

    def append(self, *told: Access) -> None:
        """All of them, on the disk when this returns; callers show nothing before. Raises OperationFailed where that
        cannot be done; then none of them is in the log.
        """
        try:
            with self._open() as log:
                _append(log, told)
        except OSError as error:
            raise OperationFailed(
                f"cannot write the access log {self._path}: {error.strerror or error}",
                hint="no secret is shown that is not logged first; the file and its folder must be yours to write, on "
                "a disk with room (a run under sudo makes them root's)",
            ) from error

    def verify(self) -> Flaw | None:
        """The first line that does not belong where it stands. Raises OperationFailed where the log cannot be read."""
        with self._reading() as lines:
            return verify(lines)

    def accesses(self) -> tuple[Access, ...]:
        """Oldest first; nothing where there is no log yet. Raises OperationFailed where it cannot be read."""
        with self._reading() as lines:
            return tuple(accesses(lines))

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Iterator[bytes]]:
        try:
            with self._path.open("rb") as file:
                _lock(file.fileno(), fcntl.LOCK_SH, self._patience)
                yield iter(file)
        except FileNotFoundError:
            yield iter(())
        except OSError as error:
            raise OperationFailed(
                f"cannot read the access log {self._path}: {error.strerror or error}"
            ) from error

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        log = os.open(self._path, flags, 0o600)
        try:
            found = os.fstat(log)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(0, "it is not a plain file")
            _lock(log, fcntl.LOCK_EX, self._patience)
            if stat.S_IMODE(found.st_mode) != 0o600:  # noqa: PLR2004
                os.fchmod(log, 0o600)
            if found.st_size == 0:
                _sync_folder(folder)
            yield log
        finally:
            os.close(log)


def _append(log: int, told: tuple[Access, ...]) -> None:
    size = os.fstat(log).st_size
    last = _last_line(log, size)
    lines: list[bytes] = []
    before = FIRST if last is None else digest(last.removesuffix(b"\n"))
    lead = b""
    if last is not None and not last.endswith(b"\n"):
        lead = b"\n"
        if told and not is_whole(last):
            lines.append(repair(told[0], last))
            before = digest(lines[0])
    for one in told:
        lines.append(written(one, before))
        before = digest(lines[-1])
    try:
        _write(log, lead + b"".join(line + b"\n" for line in lines))
        os.fsync(log)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(log, size)
        raise


def _write(log: int, data: bytes) -> None:
    while data:
        data = data[os.write(log, data) :]


def _last_line(log: int, size: int) -> bytes | None:
    """With its newline, if it has one; None in an empty file."""
    tail, start = b"", size
    while start > 0 and b"\n" not in tail[:-1]:
        start = max(start - _CHUNK, 0)
        tail = os.pread(log, min(_CHUNK, size - len(tail) - start), start) + tail
    if not tail:
        return None
    return tail[tail.rfind(b"\n", 0, len(tail) - 1) + 1 :]


def _lock(log: int, kind: int, patience: float) -> None:
    """Raises OSError where another process holds the log for longer."""
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(log, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise OSError(0, f"another process has held it for {patience:g} s") from None
            time.sleep(_LOCK_POLL)
        else:
            return


def _sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _login(environ: Mapping[str, str]) -> str:
    identity = os.getuid()
    if identity == 0 and environ.get("SUDO_USER"):
        return environ["SUDO_USER"]
    try:
        return pwd.getpwuid(identity).pw_name
    except KeyError:
        return str(identity)


def _git_email(environ: Mapping[str, str], folder: Path) -> str:
    seen = {name: environ[name] for name in _GIT_SEES if name in environ}
    try:
        ended = subprocess.run(
            ["git", "-C", str(folder), "config", "--get", "user.email"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=seen,
            timeout=_GIT_WAIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.decode(errors="replace").strip() if ended.returncode == 0 else ""
