"""Building images on a host, each command under the guard of its directory."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable

from opsctl.argv.command import Command
from opsctl.argv.guard import guarded
from opsctl.state.desired import BuildFile, DesiredBuild
from opsctl.state.observed import BUILD_LABEL

__all__ = ["build", "tag"]

_BUILDING = 3600.0
# The first day that a ZIP archive can hold: tools that pack files choke on 1970.
_MOMENT = 315_532_800


def build(directory: str, run: str, wanted: DesiredBuild, *, timeout: float = _BUILDING) -> Command:
    """Build an image from a context on stdin; what the build says comes on stderr where it fails, and not at all else.

    With the engine's own builder, also where Docker has BuildKit: 20.10 and later have it without a plugin, and it takes the
    images that the engine has.
    """
    words = (
        *("env", "DOCKER_BUILDKIT=0", "docker", "build", "--quiet", "--pull=false", "--force-rm"),
        *("--label", f"{BUILD_LABEL}={wanted.hash}", "--tag", wanted.image),
        *("--file", wanted.dockerfile),
        *(("--target", wanted.target) if wanted.target else ()),
        *(word for key, value in wanted.args.items() for word in ("--build-arg", f"{key}={value}")),
        "-",
    )
    return guarded(
        directory,
        run,
        words,
        stdin=_archive(wanted.files),
        timeout=timeout,
        privilege="both",
        label="docker build",
    )


def tag(directory: str, run: str, image_id: str, name: str) -> Command:
    """Give an image a name; another image that has it loses it."""
    words = ("docker", "tag", image_id, name)
    return guarded(directory, run, words, timeout=60.0, privilege="both", label="docker tag")


def _archive(files: Iterable[BuildFile]) -> bytes:
    """A tar of the files and their folders, the same bytes for the same files."""
    buffer, folders = io.BytesIO(), set[str]()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file in files:
            parts = file.path.split("/")[:-1]
            for end in range(1, len(parts) + 1):
                folder = "/".join(parts[:end])
                if folder not in folders:
                    folders.add(folder)
                    archive.addfile(_entry(folder, 0o755, kind=tarfile.DIRTYPE))
            archive.addfile(_entry(file.path, file.mode, size=len(file.content)), io.BytesIO(file.content))
    return buffer.getvalue()


def _entry(name: str, mode: int, *, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime, info.type = size, mode, _MOMENT, kind
    return info
