"""A program of the npm registry, with the Node that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NodePackage:
    """`node` is the real binary, so that a signal reaches the program; `folder` is the package's own, in node_modules."""

    node: Path
    folder: Path

    def words(self, script: str) -> list[str]:
        """What starts a script of the package."""
        return [str(self.node), str(self.folder / script)]
