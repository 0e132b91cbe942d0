"""Which host keys are trusted, and what is said when a host shows another one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from opsctl.edges.ssh.known_hosts import HostKey, KnownHosts
from opsctl.errors import HostKeyRefused, UsageError

# Newest first, as paramiko 5.1 prefers them; an RSA key is asked for by its SHA-2 signatures.
_ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
KEY_TYPES = tuple(_ALGORITHMS)


@dataclass(frozen=True, slots=True)
class HostKeyPolicy:
    """The keys of one environment: `pinned` (hosts.toml) for the host itself, else known_hosts; revoked ones for none."""

    host: str
    pinned: tuple[HostKey, ...]
    known: KnownHosts
    source: str
    """The known_hosts file as a person would name it."""

    def expected(self, names: Iterable[str], *, jump: bool) -> frozenset[HostKey]:
        """The keys that this host may show; `jump` for a host on the way, to which hosts.toml's pin does not apply."""
        if self.pinned and not jump:
            return frozenset(self.pinned)
        return self.known.keys(names)

    def check(self, key: HostKey, names: tuple[str, ...], *, jump: bool) -> None:
        """Raises HostKeyRefused unless the key is expected and not revoked."""
        if key in self.known.revoked:
            raise HostKeyRefused(
                f"{names[0]} shows a revoked {key.type} key, {key.fingerprint}",
                where=self.host,
                hint=f"{self.source} marks it @revoked: give the host a new key, or remove that line if it is wrong",
            )
        expected = self.expected(names, jump=jump)
        if key in expected:
            return
        if not expected:
            raise HostKeyRefused(
                f"the host key of {names[0]} is not known: {key.type} {key.fingerprint}",
                where=self.host,
                hint=self._how_to_trust(names[0], jump=jump),
            )
        known = ", ".join(sorted(f"{one.type} {one.fingerprint}" for one in expected))
        source = "hosts.toml" if self.pinned and not jump else self.source
        raise HostKeyRefused(
            f"{names[0]} shows another host key than {source} says: {key.type} {key.fingerprint}, expected {known}",
            where=self.host,
            hint="somebody may be listening in; if the host was installed anew, "
            + self._how_to_trust(names[0], jump=jump),
        )

    def _how_to_trust(self, name: str, *, jump: bool) -> str:
        if jump:
            return f"compare the fingerprint on {name}, then add its key to {self.source}"
        return f"compare the fingerprint on the host, then run `opsctl hosts trust {self.host}`"


def algorithms(keys: Iterable[HostKey]) -> tuple[str, ...]:
    """Host key algorithms in order of preference: those of the given keys first, so that the host shows a key we know."""
    types = {key.type for key in keys}
    ordered = sorted(_ALGORITHMS, key=lambda kind: kind not in types)
    return tuple(algorithm for kind in ordered for algorithm in _ALGORITHMS[kind])


def algorithms_of(kind: str) -> tuple[str, ...]:
    """The algorithms that make a host show its key of this type and no other."""
    return _ALGORITHMS[kind]


def read_policy(host: str, pins: Iterable[str], known_hosts: Path) -> HostKeyPolicy:
    """Reads the known_hosts file; one that is not there knows nothing. Raises UsageError."""
    try:
        text = known_hosts.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise UsageError(f"cannot read {known_hosts}: {error.strerror}", where=host) from error
    try:
        pinned = tuple(HostKey.parse(pin) for pin in pins)
    except ValueError as error:
        raise UsageError(
            f"host_key in hosts.toml: {error}",
            where=host,
            hint=f"`opsctl hosts trust {host}` prints the line to use",
        ) from error
    return HostKeyPolicy(host, pinned, KnownHosts.parse(text), known_hosts.name)
