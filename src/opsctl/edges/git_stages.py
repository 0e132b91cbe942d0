"""The sides of a file that a `git merge` could not put together, as git's index keeps them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsctl.errors import CouldNotFindOut, UsageError

_WAIT = 30.0
# Where git looks for its own settings and the repository; nothing in which people keep keys.
_SEES = (
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CEILING_DIRECTORIES",
)
_BASE, _OURS, _THEIRS = "1", "2", "3"


@dataclass(frozen=True, slots=True)
class Stages:
    """The file on both sides and as it was before they parted; `base` is None where both made it anew.

    In a rebase "ours" is the branch that is rebased onto.
    """

    base: bytes | None = field(repr=False)
    ours: bytes = field(repr=False)
    theirs: bytes = field(repr=False)


def read_stages(path: Path, environ: Mapping[str, str]) -> Stages:
    """Raises CouldNotFindOut where git is missing or there is no repository; UsageError where git sees no conflict in the
    file, or one side removed it.
    """
    git = _Git(path.parent, environ)
    listed = git.run("ls-files", "--unmerged", "-z", "--", path.name)
    blobs = dict(map(_stage, filter(None, listed.split(b"\0"))))
    if not blobs:
        raise UsageError(
            "git sees no conflict in it",
            where=path.name,
            hint=f"there is nothing to resolve; after a `git add` too soon, `git checkout -m -- {path}` brings the "
            "conflict back",
        )
    for stage, side in ((_OURS, "ours"), (_THEIRS, "theirs")):
        if stage not in blobs:
            raise UsageError(
                f"{side} removed the whole store",
                where=path.name,
                hint=f"git rm {path}, if it shall be gone; git add {path}, if the other side's shall stay",
            )
    base = git.run("cat-file", "blob", blobs[_BASE]) if _BASE in blobs else None
    return Stages(
        base, git.run("cat-file", "blob", blobs[_OURS]), git.run("cat-file", "blob", blobs[_THEIRS])
    )


def _stage(line: bytes) -> tuple[str, str]:
    """`100644 BLOB STAGE<TAB>NAME`: the stage and the blob."""
    _mode, blob, stage = line.split(b"\t", 1)[0].decode("ascii").split()
    return stage, blob


class _Git:
    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = {name: environ[name] for name in _SEES if name in environ} | {"LC_ALL": "C"}

    def run(self, *words: str) -> bytes:
        command: Sequence[str] = ("git", "--literal-pathspecs", "-C", str(self._folder), *words)
        try:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=self._environ,
                timeout=_WAIT,
                check=False,
            )
        except FileNotFoundError:
            raise CouldNotFindOut("git is not there", hint="install git, or see that it is on PATH") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CouldNotFindOut(f"git did not answer: {error}") from None
        if ended.returncode:
            said = ended.stderr.decode(errors="replace").splitlines()
            raise CouldNotFindOut(
                f"git could not say what the sides are ({words[0]} ended with {ended.returncode})",
                where=str(self._folder),
                evidence=said[-3:],
                hint="the store must lie in a git repository, in the middle of a merge",
            )
        return ended.stdout
