"""The section `sops` of a file: for whom the data key is encrypted, what is encrypted, and the check sum."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from opsctl.edges.sops.nodes import Branch, Entry, Items, Scalar
from opsctl.errors import StoreUnusable

SECTION = "sops"
# stores/stores.go: with no rule in a file, everything is encrypted but what lies below keys with this ending.
_DEFAULT = ("unencrypted_suffix", "_unencrypted")
_RULES = ("unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex")
_COMMENT_RULES = ("unencrypted_comment_regex", "encrypted_comment_regex")
_OTHER_KEYS = ("kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """The data key, encrypted for one age recipient; `enc` is an armored age file."""

    recipient: str
    enc: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Which values are encrypted: a key anywhere on the way to a value decides."""

    name: str
    text: str

    def hides(self, path: tuple[str, ...]) -> bool:
        if self.name.endswith("suffix"):
            found = any(key.endswith(self.text) for key in path)
        else:
            found = any(re.search(self.text, key, re.ASCII) for key in path)
        return found is self.name.startswith("encrypted")


@dataclass(frozen=True, slots=True)
class Metadata:
    """`moment` is the text of `lastmodified` that the check sum is bound to; `others` names kinds of keys beside age."""

    wrapped: tuple[Wrapped, ...]
    others: tuple[str, ...]
    rule: Rule
    only_encrypted: bool
    moment: str
    mac: str

    @property
    def last_modified(self) -> float:
        return datetime.fromisoformat(self.moment).timestamp()


def moment_text(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_metadata(root: Branch, where: str) -> Metadata:
    """Raises StoreUnusable: no section, no age recipients, several key groups, a rule that cannot be followed."""
    if SECTION not in root.entries:
        raise StoreUnusable(
            "it is not encrypted: there is no section `sops`",
            where=where,
            hint=f"was it cut off, or written by hand? `git checkout -- {where}` puts the last good version back; a value that "
            "was committed in clear must be rotated",
        )
    return _Section(root.entries[SECTION], where).metadata()


class _Section:
    def __init__(self, entry: Entry, where: str) -> None:
        self._where = f"{where}:{entry.line}"
        if not isinstance(entry.node, Branch):
            raise self._unusable("the section `sops` is not a mapping")
        self._entries = entry.node.entries

    def metadata(self) -> Metadata:
        keys = self._keys()
        wrapped = tuple(self._wrapped(keys))
        others = tuple(kind for kind in _OTHER_KEYS if _filled(keys, kind))
        if not wrapped:
            raise self._unusable(
                f"no age key can open it{', only ' + ', '.join(others) if others else ''}",
                "sops can add one: sops rotate --in-place --add-age AGE1… FILE",
            )
        return Metadata(
            wrapped, others, self._rule(), self._flag("mac_only_encrypted"), self._moment(), self._text("mac")
        )

    def _keys(self) -> Mapping[str, Entry]:
        """The entries that hold keys: of the section itself, else of its one key group."""
        if any(_filled(self._entries, kind) for kind in ("age", *_OTHER_KEYS)):
            return self._entries
        groups = self._entries.get("key_groups")
        if groups is None or not isinstance(groups.node, Items) or not groups.node.items:
            return {}
        if len(groups.node.items) > 1:
            raise self._unusable(
                f"its key is split over {len(groups.node.items)} key groups, which opsctl cannot put together",
                "use one group (sops.yaml: age:), or sops itself for this file",
            )
        group = groups.node.items[0]
        return group.entries if isinstance(group, Branch) else {}

    def _wrapped(self, keys: Mapping[str, Entry]) -> Iterator[Wrapped]:
        node = keys["age"].node if "age" in keys else None
        for item in node.items if isinstance(node, Items) else ():
            found = {name: _value(item, name) for name in ("recipient", "enc")}
            recipient, enc = found["recipient"], found["enc"]
            if not isinstance(recipient, str) or not isinstance(enc, str):
                raise self._unusable("an entry below sops.age has no recipient or no enc")
            yield Wrapped(recipient, enc)

    def _rule(self) -> Rule:
        for name in _COMMENT_RULES:
            if self._text(name):
                raise self._unusable(f"opsctl cannot follow {name}", "use encrypted_regex: ^value$")
        given = [(name, text) for name in _RULES if (text := self._text(name))]
        if len(given) > 1:
            raise self._unusable(f"{given[0][0]} and {given[1][0]} in one file", "sops takes one rule")
        name, text = given[0] if given else _DEFAULT
        if name.endswith("regex") and not _is_regex(text):
            raise self._unusable(
                f"{name} is not a pattern that opsctl can follow", "use encrypted_regex: ^value$"
            )
        return Rule(name, text)

    def _moment(self) -> str:
        """As Go formats what it parsed (time.RFC3339): without fractions, UTC as Z."""
        found = _MOMENT.fullmatch(self._text("lastmodified"))
        if not found or not _is_moment(found[0]):
            raise self._unusable(
                "sops.lastmodified is not a time", "put the last good version back: git checkout"
            )
        return found[1] + ("Z" if found[2] in {"+00:00", "-00:00"} else found[2])

    def _text(self, name: str) -> str:
        value = _value_of(self._entries.get(name))
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._unusable(f"sops.{name} is not text")
        return value

    def _flag(self, name: str) -> bool:
        value = _value_of(self._entries.get(name))
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self._unusable(f"sops.{name} is neither true nor false")

    def _unusable(self, message: str, hint: str = "") -> StoreUnusable:
        return StoreUnusable(message, where=self._where, hint=hint)


def _filled(entries: Mapping[str, Entry], name: str) -> bool:
    node = entries[name].node if name in entries else None
    return isinstance(node, Items) and bool(node.items)


def _value_of(entry: Entry | None) -> object:
    if entry is None:
        return None
    return entry.node.value if isinstance(entry.node, Scalar) else entry.node


def _value(node: object, name: str) -> object:
    return _value_of(node.entries.get(name)) if isinstance(node, Branch) else None


def _is_regex(text: str) -> bool:
    """Python's patterns and Go's agree on what both take, but for what Python warns of ([[:alpha:]])."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(text, re.ASCII)
    except (re.error, Warning):
        return False
    return True


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
