"""A SOPS document: read without a key (Locked), opened (Unlocked), changed, and written back.

    unlocked = unlock(parse(data, "secrets/prod.sops.yaml"), identities)
    unlocked.set(("secrets", "db", "versions", "v1", "value"), "…")
    data = unlocked.dump(clock.now())

sops reads what is written here, and the other way round: same values, same check sum. What did not change keeps its bytes.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from opsctl.edges.sops.agekeys import unwrapped, wrapped
from opsctl.edges.sops.cipher import DataKey
from opsctl.edges.sops.identities import Identities
from opsctl.edges.sops.locked import Locked, Path, parse
from opsctl.edges.sops.nodes import Branch, Items, Node, Scalar
from opsctl.edges.sops.scalars import Value, covered, decoded
from opsctl.edges.sops.unlocked import Leaf, Unlocked, about_of, age_lines
from opsctl.errors import Tampered

__all__ = ["Locked", "Unlocked", "create", "parse", "unlock"]

# The sops whose format a new document has; sops asks for it to know files of versions with known faults.
_VERSION = "3.11.0"
_RULE = "^value$"


def unlock(locked: Locked, identities: Identities) -> Unlocked:
    """Everything decrypted and the check sum compared.

    Raises NoKey, and Tampered where a value or the check sum does not fit; it names the value, never what it is.
    """
    key = unwrapped(locked.metadata.wrapped, identities, locked.where)
    opening = _Opening(locked, key)
    unlocked = Unlocked(
        locked, key, {name: opening.read(node, (name,)) for name, node in locked.tops.items()}
    )
    kind, stored = opening.opened(locked.metadata.mac, ("sops", "mac"), locked.metadata.moment)
    if kind != "str" or not hmac.compare_digest(stored, unlocked.sum().encode()):
        raise Tampered(
            "its check sum does not fit: something in it was changed, added, removed or moved without sops or opsctl",
            where=locked.where,
            hint="see what changed (git diff) and put the last good version back (git checkout); after a merge: "
            "opsctl secrets resolve",
        )
    return unlocked


def create(recipients: Sequence[str], where: str) -> Unlocked:
    """A new document with a fresh data key, in which what stands below a key `value` is encrypted.

    Raises UsageError for a recipient that cannot be encrypted for, or none.
    """
    key = DataKey.fresh()
    lines = (
        "sops:",
        "    age:",
        *(f"        {line}" for line in age_lines(wrapped(key, recipients))),
        '    lastmodified: "1970-01-01T00:00:00Z"',
        '    mac: ""',
        f"    encrypted_regex: {_RULE}",
        f"    version: {_VERSION}",
    )
    text = "".join(f"{line}\n" for line in lines)
    return Unlocked(parse(text.encode(), where), key, {}, new=True)


class _Opening:
    """Leaves from nodes."""

    def __init__(self, locked: Locked, key: DataKey) -> None:
        self._locked = locked
        self._key = key

    def read(self, node: Node, path: Path) -> Any:
        if isinstance(node, Branch):
            return {key: self.read(entry.node, (*path, key)) for key, entry in node.entries.items()}
        if isinstance(node, Items):
            return [self.read(item, path) for item in node.items]
        return self._leaf(node, path)

    def opened(self, sealed: str, path: Path, about: str) -> tuple[str, bytes]:
        try:
            return self._key.open(sealed, about)
        except ValueError as error:
            raise self._tampered(path, error) from None

    def _leaf(self, node: Scalar, path: Path) -> Leaf:
        about = about_of(path)
        hidden = self._locked.metadata.rule.hides(path)
        value: Value = node.value
        kind, data = ("null", b"") if value is None else covered(value)
        if hidden and isinstance(value, str) and value:
            kind, data = self.opened(value, path, about)
            try:
                value = decoded(kind, data)
            except ValueError as error:
                raise self._tampered(path, error) from None
            if kind in {"int", "float", "bool"}:
                data = covered(value)[1]
        return Leaf(value, kind, data, about, hidden, node)

    def _tampered(self, path: Path, error: ValueError) -> Tampered:
        return Tampered(
            f"{'.'.join(path)} cannot be decrypted: {error}",
            where=f"{self._locked.where}:{self._locked.line(path)}",
            hint="put the last good version back: git log, git checkout",
        )
