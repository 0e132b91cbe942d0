"""A bug's traceback goes to a file that only its owner can read; the terminal gets one line."""

from __future__ import annotations

import os
import platform
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from opsctl import __version__


def write_crash(error: BaseException, folder: Path, argv: Sequence[str], clean: Callable[[str], str]) -> Path:
    """Write versions, command line and traceback, redacted, to a new 0600 file in the folder, and return its path.

    Raises OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"crash-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.txt"
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(clean(_text(error, argv)))
    return path


def _text(error: BaseException, argv: Sequence[str]) -> str:
    head = f"opsctl {__version__}, Python {platform.python_version()}, {platform.platform()}\nopsctl {' '.join(argv)}\n\n"
    return head + "".join(traceback.format_exception(error))
