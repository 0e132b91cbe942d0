"""What of the host or of a volume a service mounts, and whether it outlives the container."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from opsctl.rules.subject import ServiceView


@dataclass(frozen=True, slots=True)
class Mount:
    """`source` is a volume's name or a path of the host, "" for a volume without a name and for tmpfs."""

    source: str
    target: str

    @property
    def kept(self) -> bool:
        """Whether what is written there is there for the next container."""
        return bool(self.source)


def mounts(view: ServiceView) -> Iterator[Mount]:
    """In both of Compose's spellings; files that opsctl mounts are not among them."""
    for entry in view.definition.get("volumes") or ():
        if isinstance(entry, Mapping):
            source = "" if entry.get("type") == "tmpfs" else str(entry.get("source") or "")
            yield Mount(source, posixpath.normpath(str(entry.get("target") or "/")))
        else:
            source, colon, rest = str(entry).partition(":")
            target = rest.partition(":")[0] if colon else source
            yield Mount(source if colon else "", posixpath.normpath(target or "/"))


def keeper(view: ServiceView, folder: str) -> Mount | None:
    """The mount that a folder of the container lies in, the nearest one; None where it lies in the container itself."""
    around = [one for one in mounts(view) if folder == one.target or folder.startswith(f"{one.target}/")]
    return max(around, key=lambda one: len(one.target), default=None)


def keeps(view: ServiceView, folder: str) -> bool:
    """Whether what is written to that folder is there for the next container."""
    mount = keeper(view, folder)
    return mount is not None and mount.kept
