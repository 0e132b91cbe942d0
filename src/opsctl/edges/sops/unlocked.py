"""A SOPS document that was opened: its values, changes to them, and the bytes to be written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opsctl.edges.sops.agekeys import check_recipients, wrapped
from opsctl.edges.sops.cipher import DataKey
from opsctl.edges.sops.locked import Locked, Path, parse
from opsctl.edges.sops.metadata import SECTION, Wrapped, moment_text
from opsctl.edges.sops.nodes import Branch, Node, Scalar
from opsctl.edges.sops.scalars import Value, covered
from opsctl.edges.sops.splice import Raw, spliced
from opsctl.errors import StoreUnusable, UsageError

# sops.go: with mac_only_encrypted the sum begins with these bytes, sha256 of "sops".
_ONLY_ENCRYPTED = hashlib.sha256(b"sops").digest()
_COMMENT = re.compile(r"#ENC\[AES256_GCM,")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value with sops' name of its type and its bytes; `about` is where it stands, bound to its ciphertext.

    `written` is how it stands in the file: the node that was read, or new text.
    """

    value: Value = field(repr=False)
    kind: str
    data: bytes = field(repr=False)
    about: str
    hidden: bool
    written: Scalar | str = field(repr=False)


Tree = dict[str, Any]
"""Mappings and lists with a Leaf at each end."""


class Unlocked:
    """Prints no value. Changes are kept here until `dump`."""

    def __init__(self, locked: Locked, key: DataKey, tree: Tree, *, new: bool = False) -> None:
        self._locked = locked
        self._key = key
        self._tree = tree
        self._changed = new
        self._wrapped: tuple[Wrapped, ...] = ()

    def __repr__(self) -> str:
        return f"Unlocked({self._locked.where})"

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(one.recipient for one in self._wrapped) or self._locked.recipients

    def tree(self) -> dict[str, Any]:
        """Everything as plain data, decrypted."""
        return {key: _plain(value) for key, value in self._tree.items()}

    def get(self, path: Path) -> Any:
        """The value, or what stands below, as plain data. Raises KeyError."""
        here: Any = self._tree
        for key in path:
            if not isinstance(here, dict) or key not in here:
                raise KeyError(".".join(path))
            here = here[key]
        return _plain(here)

    def set(self, path: Path, value: str) -> None:
        """Mappings on the way are made. The same value as before changes nothing.

        Raises StoreUnusable where something else than a mapping is on the way, or something else than a value at its end,
        and UsageError for text that UTF-8 cannot hold.
        """
        *above, last = path
        if path[0] == SECTION:
            raise ValueError("the section `sops` is not the caller's")
        here = self._tree
        for depth, key in enumerate(above, start=1):
            here = here.setdefault(key, {})
            if not isinstance(here, dict):
                raise self._unusable(path[:depth], "is not a mapping")
        old = here.get(last)
        if isinstance(old, dict | list):
            raise self._unusable(path, "is not a value")
        if old is None or type(old.value) is not str or old.value != value:
            here[last] = self._leaf(path, value)
            self._changed = True

    def remove(self, path: Path) -> None:
        """What stands at a path and below it; nothing where there is nothing."""
        *above, last = path
        here: Any = self._tree
        for key in above:
            here = here.get(key) if isinstance(here, dict) else None
        if isinstance(here, dict) and last in here:
            del here[last]
            self._changed = True

    def rewrap(self, recipients: Sequence[str]) -> None:
        """The same data key for other people (sops updatekeys). Who could open it before still can, with an old copy.

        Raises UsageError for a recipient that cannot be encrypted for, or none.
        """
        self._wrapped = wrapped(self._key, recipients)
        self._changed = True

    def rekey(self, recipients: Sequence[str]) -> None:
        """A new data key, and every value encrypted anew (sops rotate). Raises as `rewrap`; StoreUnusable where comments are
        encrypted too, which only sops can do.
        """
        if _COMMENT.search(self._locked.text):
            raise StoreUnusable(
                "its comments are encrypted, and opsctl cannot encrypt them anew",
                where=self._locked.where,
                hint="sops rotate --in-place FILE",
            )
        check_recipients(recipients)
        self._key = DataKey.fresh()
        self._tree = {key: self._resealed(value) for key, value in self._tree.items()}
        self.rewrap(recipients)

    def dump(self, now: float) -> bytes:
        """The file; the very same bytes where nothing changed. `now` is in seconds since the epoch.

        Raises StoreUnusable where the change cannot be written: other kinds of recipients than age, a layout that cannot be
        changed line by line.
        """
        if not self._changed:
            return self._locked.data
        if self._locked.metadata.others:
            raise StoreUnusable(
                f"it is also encrypted for {', '.join(self._locked.metadata.others)}, which opsctl cannot do",
                where=self._locked.where,
                hint="change it with sops itself: sops edit FILE",
            )
        self._tree = _in_order(self._tree, self._locked.tops)
        desired = _desired(self._tree)
        text = spliced(
            self._locked.text, self._locked.root, {**desired, SECTION: self._section(now)}, last=SECTION
        )
        mark = b"\xef\xbb\xbf" if self._locked.data.startswith(b"\xef\xbb\xbf") else b""
        data = mark + text.encode()
        if _meant(parse(data, self._locked.where).tops) != _meant(desired):
            raise StoreUnusable(
                "its layout cannot be changed line by line",
                where=self._locked.where,
                hint="sops writes it anew in its own layout: sops edit FILE",
            )
        return data

    def sum(self) -> str:
        """The check sum over all values in their order, as sops spells it."""
        digest = hashlib.sha512()
        only = self._locked.metadata.only_encrypted
        if only:
            digest.update(_ONLY_ENCRYPTED)
        for leaf in _leaves(self._tree):
            if leaf.value is not None and (leaf.hidden or not only):
                digest.update(leaf.data)
        return digest.hexdigest().upper()

    def _section(self, now: float) -> dict[str, Any]:
        entries = self._locked.root.entries[SECTION].node
        assert isinstance(entries, Branch)  # noqa: S101 read_metadata saw to it
        section: dict[str, Any] = {key: _kept(entry.node) for key, entry in entries.entries.items()}
        if self._wrapped:
            section.pop("key_groups", None)
            section["age"] = Raw(age_lines(self._wrapped))
        moment = moment_text(now)
        section["lastmodified"] = moment
        section["mac"] = self._key.seal("str", self.sum().encode(), moment)
        return section

    def _leaf(self, path: Path, value: str) -> Leaf:
        try:
            kind, data = covered(value)
        except UnicodeEncodeError:
            raise UsageError(
                f"the value for {'.'.join(path)} holds half a character (a lone surrogate)",
                where=self._locked.where,
                hint="give it as UTF-8 text, or base64",
            ) from None
        about = about_of(path)
        hidden = self._locked.metadata.rule.hides(path)
        written = self._key.seal(kind, data, about) if hidden and data else value
        return Leaf(value, kind, data, about, hidden, written)

    def _resealed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._resealed(below) for key, below in value.items()}
        if isinstance(value, list):
            return [self._resealed(item) for item in value]
        if not value.hidden or not value.data:
            return value
        written = self._key.seal(value.kind, value.data, value.about)
        return Leaf(value.value, value.kind, value.data, value.about, value.hidden, written)

    def _unusable(self, path: Path, message: str) -> StoreUnusable:
        line = self._locked.line(path)
        return StoreUnusable(f"{'.'.join(path)} {message}", where=f"{self._locked.where}:{line}")


def about_of(path: Path) -> str:
    """sops.go: the keys on the way, each with a colon behind it; places in lists do not count."""
    return "".join(f"{key}:" for key in path)


def age_lines(entries: Sequence[Wrapped]) -> tuple[str, ...]:
    """The list below sops.age, as sops lays it out."""
    return tuple(
        line
        for entry in entries
        for line in (
            f"- recipient: {entry.recipient}",
            "  enc: |",
            *(f"    {armor}" for armor in entry.enc.splitlines()),
        )
    )


def _in_order(tree: Tree, old: Mapping[str, Node]) -> Tree:
    """As it will stand in the file, which is what the check sum goes by: old keys in their order, then new ones."""
    keys = [*(key for key in old if key in tree), *(key for key in tree if key not in old)]
    return {key: _below(tree[key], old.get(key)) for key in keys}


def _below(value: Any, node: Node | None) -> Any:
    if isinstance(value, dict) and isinstance(node, Branch):
        return _in_order(value, {key: entry.node for key, entry in node.entries.items()})
    return value


def _leaves(value: Any) -> Iterator[Leaf]:
    if isinstance(value, Leaf):
        yield value
    else:
        for below in value.values() if isinstance(value, dict) else value:
            yield from _leaves(below)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.value


def _desired(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _desired(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_desired(item) for item in value]
    return value.written


def _kept(node: Node) -> Any:
    """A node as `spliced` takes it: scalars are nodes, the rest plain."""
    if isinstance(node, Branch):
        return {key: _kept(entry.node) for key, entry in node.entries.items()}
    return node if isinstance(node, Scalar) else [_kept(item) for item in node.items]


def _meant(value: Any) -> Any:
    """What a tree of nodes, or a desired one, says, and in which order."""
    if isinstance(value, dict):
        return [(key, _meant(below)) for key, below in value.items()]
    if isinstance(value, Branch):
        return [(key, _meant(entry.node)) for key, entry in value.entries.items()]
    if isinstance(value, str):
        return value
    if isinstance(value, Scalar):
        return value.value
    return [_meant(item) for item in (value if isinstance(value, list) else value.items)]
