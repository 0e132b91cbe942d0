"""A SOPS document as it can be read without a key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from opsctl.edges.sops.cipher import is_sealed
from opsctl.edges.sops.metadata import SECTION, Metadata, read_metadata
from opsctl.edges.sops.nodes import Branch, Items, Node, Scalar, read
from opsctl.errors import StoreUnusable, Tampered

Path = tuple[str, ...]

_CONFLICT = re.compile(r"^(?:<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)(?:\s|$)", re.MULTILINE)
_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Locked:
    """`where` names the file in messages. What it tells was not checked: that takes a key."""

    where: str
    data: bytes = field(repr=False)
    text: str = field(repr=False)
    root: Branch = field(repr=False)
    metadata: Metadata = field(repr=False)

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(entry.recipient for entry in self.metadata.wrapped)

    @property
    def last_modified(self) -> float:
        """Seconds since the epoch."""
        return self.metadata.last_modified

    @property
    def tops(self) -> dict[str, Node]:
        """What stands at the top, in its order, without SOPS' own section."""
        return {key: entry.node for key, entry in self.root.entries.items() if key != SECTION}

    def clear(self) -> dict[str, Any]:
        """The tree as plain data, None in place of each encrypted value."""
        return {key: self._clear(node, (key,)) for key, node in self.tops.items()}

    def line(self, path: Path) -> int:
        """The 1-based line of a key, or of the nearest key above it that is there; 0 for the file."""
        line, node = 0, self.root
        for key in path:
            entry = node.entries.get(key)
            if entry is None:
                break
            line = entry.line
            if not isinstance(entry.node, Branch):
                break
            node = entry.node
        return line

    def _clear(self, node: Node, path: Path) -> Any:
        if isinstance(node, Branch):
            return {key: self._clear(entry.node, (*path, key)) for key, entry in node.entries.items()}
        if isinstance(node, Items):
            return [self._clear(item, path) for item in node.items]
        return None if self.metadata.rule.hides(path) else node.value


def parse(data: bytes, where: str) -> Locked:
    """Raises StoreUnusable for what is not a SOPS document in YAML that opsctl can read and keep, with file and line, and
    Tampered where a value that is to be encrypted stands there in clear.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise StoreUnusable("it is not UTF-8 text", where=f"{where}:{line}") from None
    text = text.removeprefix(_MARK)
    if conflict := _CONFLICT.search(text):
        raise StoreUnusable(
            "it is in the middle of a merge",
            where=f"{where}:{text.count(chr(10), 0, conflict.start()) + 1}",
            hint="opsctl secrets resolve",
        )
    root = read(text, where)
    locked = Locked(where, data, text, root, read_metadata(root, where))
    for key, node in locked.tops.items():
        _check_hidden(locked, node, (key,))
    return locked


def _check_hidden(locked: Locked, node: Node, path: Path) -> None:
    if isinstance(node, Branch):
        for key, entry in node.entries.items():
            _check_hidden(locked, entry.node, (*path, key))
    elif isinstance(node, Items):
        for item in node.items:
            _check_hidden(locked, item, path)
    elif locked.metadata.rule.hides(path) and not _is_hidden(node):
        raise Tampered(
            f"{'.'.join(path)} is not encrypted: it was written in clear, or damaged",
            where=f"{locked.where}:{node.line}",
            hint="put the last good version back (git checkout), and store the value with opsctl secrets set; one that "
            "was committed in clear must be rotated",
        )


def _is_hidden(node: Scalar) -> bool:
    """Null and empty text stand as they are (sops.go, walkValue; aes/cipher.go, isEmpty)."""
    return node.value in {None, ""} or (isinstance(node.value, str) and is_sealed(node.value))
