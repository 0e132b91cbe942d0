"""A file that several runs change: one writer at a time, and whoever reads it sees it whole."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from opsctl.errors import OperationFailed

_NEW_MODE = 0o644
"""Such files lie in a repository, and hold no secret in clear."""


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Waits for other writers on this machine. The lock is a file beside it, there only while it is held.

    Raises OperationFailed where the folder cannot be written.
    """
    lock = path.with_name(f".{path.name}.lock")
    with _told(path):
        descriptor = _locked(lock)
    try:
        yield
    finally:
        # Removed while it is held, so that nobody can hold one that is gone.
        with suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def replace(path: Path, data: bytes, before: bytes | None) -> None:
    """The new bytes in one step, on the disk when it returns; mode and owner as they were, 0644 for a new file.

    `before` is what the file held when it was read, None where there was none. Raises OperationFailed where it holds something
    else by now (an editor, git), or cannot be written; then the old file is whole.
    """
    with _told(path):
        target = path.resolve()
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                _as_before(file.fileno(), target)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _check_unchanged(target, before)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    _synced(target)


def _locked(lock: Path) -> int:
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_at(descriptor, lock):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _as_before(descriptor: int, target: Path) -> None:
    try:
        old = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, _NEW_MODE)
        return
    os.fchmod(descriptor, old.st_mode & 0o777)
    # Only root may give a file away: a run under sudo leaves it to whom it belongs.
    with suppress(PermissionError):
        os.fchown(descriptor, old.st_uid, old.st_gid)


def _check_unchanged(target: Path, before: bytes | None) -> None:
    try:
        held = target.read_bytes()
    except FileNotFoundError:
        held = None
    if held != before:
        raise OperationFailed(
            f"{target} was changed by something else in the meantime; it stays as it is now",
            hint="run it again",
        )


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _synced(target: Path) -> None:
    folder = target.parent
    try:
        sync_folder(folder)
    except OSError as error:
        raise OperationFailed(
            f"{target} was written, but {folder} could not be brought to the disk: {error.strerror}",
            hint="look after the disk before the machine loses its power",
        ) from error


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OperationFailed(
            f"cannot write {path}: {error.strerror}; nothing was changed",
            hint=f"{path.parent} must be a folder that is yours to write, with room on its disk",
        ) from error
