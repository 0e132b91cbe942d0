"""The operator's editor on a text that must not stay anywhere."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from opsctl.errors import OpsctlError, UsageError

_PREFIX = "opsctl-edit-"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made below it
# A private key that sops and opsctl read; an editor and its plugins do not need it.
_KEPT_BACK = ("SOPS_AGE_KEY",)
# vim 9 and neovim 0.10: no swap file, no viminfo or shada, no backup and no undo file beside or elsewhere.
_VIM = ("-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile")


class Editor:
    """$VISUAL, else $EDITOR, else `vi` where there is a terminal. Raises UsageError where there is none of them."""

    def __init__(self, environ: Mapping[str, str], *, terminal: bool) -> None:
        chosen = environ.get("VISUAL") or environ.get("EDITOR") or ("vi" if terminal else "")
        words = shlex.split(chosen)
        if not words:
            raise UsageError("no editor is known, and there is no terminal", hint="set VISUAL or EDITOR")
        if not shutil.which(words[0], path=environ.get("PATH")):
            raise UsageError(f"the editor {words[0]} is not there", hint="set VISUAL or EDITOR")
        self._words = [*words, *_private_options(words[0], environ)]
        self._environ = {name: value for name, value in environ.items() if name not in _KEPT_BACK}

    def edit(self, text: str) -> str:
        """The text as it was saved. Its file is 0600 in a folder that only its owner can open, in memory where there is
        /dev/shm, and gone when this returns or raises.

        Raises OpsctlError where the editor ends with another code than 0 or what it saved is not UTF-8.
        """
        with _private_folder() as folder:
            file = folder / "secrets.yaml"
            descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as opened:
                opened.write(text)
            code = subprocess.run([*self._words, str(file)], env=self._environ, check=False).returncode
            if code:
                raise OpsctlError(f"the editor ended with code {code}; nothing was stored")
            try:
                return str(file.read_bytes(), "utf-8")
            except UnicodeDecodeError:
                raise OpsctlError("what the editor saved is not UTF-8; nothing was stored") from None
            except OSError as error:
                raise OpsctlError(
                    f"what the editor saved is gone: {error.strerror}; nothing was stored"
                ) from error


def _private_options(program: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    found = shutil.which(program, path=environ.get("PATH"))
    real = Path(found).resolve().name if found else ""
    return _VIM if real.startswith(("vim", "nvim")) else ()


@contextmanager
def _private_folder() -> Iterator[Path]:
    base = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    _remove_left_behind(base)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base))  # 0700
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left_behind(base: Path) -> None:
    """Folders of runs of this user that were killed with SIGKILL, which nothing can clean up after."""
    for folder in base.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(OSError):
            if pid.isdecimal() and folder.lstat().st_uid == os.getuid() and not Path("/proc", pid).exists():
                shutil.rmtree(folder)
