"""The data key, encrypted for each recipient with age."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from opsctl.edges.sops.cipher import DataKey
from opsctl.edges.sops.identities import Identities
from opsctl.edges.sops.metadata import Wrapped
from opsctl.errors import NoKey, Tampered, UsageError


def check_recipients(recipients: Sequence[str]) -> tuple[str, ...]:
    """Each once, in their order. Raises UsageError where there is none, or for one that opsctl cannot encrypt for."""
    if not recipients:
        raise UsageError(
            "nobody could open it: there are no recipients", hint="an age public key begins with age1"
        )
    for recipient in recipients:
        _parsed(recipient)
    return tuple(dict.fromkeys(recipients))


def wrapped(key: DataKey, recipients: Sequence[str]) -> tuple[Wrapped, ...]:
    """Raises UsageError as `check_recipients`."""
    import pyrage

    return tuple(
        Wrapped(recipient, pyrage.encrypt(key.raw, [_parsed(recipient)], armored=True).decode())
        for recipient in check_recipients(recipients)
    )


def unwrapped(entries: Sequence[Wrapped], identities: Identities, where: str) -> DataKey:
    """The data key. Key commands run only if no other identity opens it.

    Raises NoKey, which names the recipients and where keys were looked for, and Tampered where our own entry is damaged.
    """
    for entry in entries:
        if found := _opened(entry, identities.all):
            return found
    for entry in entries:
        if found := _opened(entry, identities.by_command(entry.recipient)):
            return found
    own = [entry.recipient for entry in entries if identities.holds(entry.recipient)]
    if own:
        raise Tampered(
            f"the entry for {own[0]} below sops.age is damaged: that key is at hand and does not open it",
            where=where,
            hint="put the last good version back: git checkout",
        )
    raise NoKey(
        f"no age key at hand opens it; it is encrypted for {_listed(entry.recipient for entry in entries)}",
        where=where,
        evidence=identities.sources,
        hint="name your key file in SOPS_AGE_KEY_FILE; if you are not among the recipients, somebody who is runs "
        "opsctl secrets recipients add",
    )


def _opened(entry: Wrapped, identities: Sequence[Any]) -> DataKey | None:
    import pyrage

    if not identities:
        return None
    try:
        return DataKey(pyrage.decrypt(entry.enc.encode(), identities))
    except (pyrage.DecryptError, ValueError):
        return None


def _parsed(recipient: str) -> Any:
    import pyrage

    kind = pyrage.ssh if recipient.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise UsageError(
            f"{recipient[:80]!r} is not a recipient that opsctl can encrypt for",
            hint="it takes age1… (X25519), ssh-ed25519 and ssh-rsa; for keys of age plugins use sops itself: sops updatekeys",
        ) from None


def _listed(texts: Iterable[str]) -> str:
    return " and ".join(", ".join(texts).rsplit(", ", 1))
