"""Host keys and the known_hosts format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"), without I/O.

paramiko 5.1's own loader gives up on the whole file at the first @cert-authority or @revoked line, and knows no @revoked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

_HASH_MAGIC = "|1|"
_MARKERS = ("@cert-authority", "@revoked")
DEFAULT_PORT = 22


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public key of a host: its type such as "ssh-ed25519", and the blob that travels on the wire."""

    type: str
    blob: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it: SHA256:… without padding."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.type} {base64.b64encode(self.blob).decode()}"

    @classmethod
    def parse(cls, text: str) -> HostKey:
        """From `ssh-ed25519 AAAA… [comment]`. Raises ValueError."""
        words = text.split()
        if len(words) < 2:  # noqa: PLR2004 - a type and a key
            raise ValueError("a host key is a type and a base64 text, such as `ssh-ed25519 AAAA…`")
        try:
            blob = base64.b64decode(words[1], validate=True)
        except binascii.Error as error:
            raise ValueError(f"the {words[0]} key is not base64") from error
        # RFC 4253 section 6.6: the blob starts with its type as a length-prefixed string.
        if blob[4 : 4 + len(words[0])] != words[0].encode() or int.from_bytes(blob[:4]) != len(words[0]):
            raise ValueError(f"the key's text does not hold a key of type {words[0]}")
        return cls(words[0], blob)


@dataclass(frozen=True, slots=True)
class KnownLine:
    """One readable line: `hosts` as written (a comma list or one hash)."""

    marker: str
    hosts: str
    key: HostKey

    def names(self, name: str) -> bool:
        """Whether the line is about this very name; patterns with wildcards or `!` match nothing."""
        if self.hosts.startswith(_HASH_MAGIC):
            return _hash_matches(self.hosts, name)
        return name in self.hosts.lower().split(",")


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """A file of known hosts. Lines that cannot be read are skipped: they can make no key trusted."""

    lines: tuple[KnownLine, ...] = ()

    @classmethod
    def parse(cls, text: str) -> KnownHosts:
        return cls(tuple(line for line in map(parse_line, text.splitlines()) if line))

    def keys(self, names: Iterable[str]) -> frozenset[HostKey]:
        """The keys that lines without a marker give to any of the names."""
        wanted = [name.lower() for name in names]
        return frozenset(
            line.key for line in self.lines if not line.marker and any(line.names(name) for name in wanted)
        )

    @property
    def revoked(self) -> frozenset[HostKey]:
        """Keys revoked for any host: such a key is good for none."""
        return frozenset(line.key for line in self.lines if line.marker == "@revoked")


def parse_line(text: str) -> KnownLine | None:
    """The line, or None for a comment, a blank or something that cannot be read."""
    words = text.split()
    marker = ""
    if words and words[0].startswith("@"):
        marker = words.pop(0)
        if marker not in _MARKERS:
            return None
    if len(words) < 3 or words[0].startswith("#"):  # noqa: PLR2004 - hosts, type, key
        return None
    try:
        return KnownLine(marker, words[0], HostKey.parse(f"{words[1]} {words[2]}"))
    except ValueError:
        return None


def host_names(host: str, port: int) -> tuple[str, ...]:
    """How known_hosts may call a host at a port: `[host]:port`, and the bare host as OpenSSH also takes it."""
    return (host,) if port == DEFAULT_PORT else (f"[{host}]:{port}", host)


def _hash_matches(hashed: str, name: str) -> bool:
    """`|1|base64(salt)|base64(HMAC-SHA1(salt, name))`, from OpenSSH's hostfile.c."""
    try:
        salt, digest = (
            base64.b64decode(part, validate=True) for part in hashed.removeprefix(_HASH_MAGIC).split("|")
        )
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)
