"""Ansible Vault's envelope (formats 1.1 and 1.2, AES256), opened without Ansible.

ansible-core 2.19, lib/ansible/parsing/vault/__init__.py: a header line, then hex of three lines, each hex again: salt,
HMAC-SHA256 of the ciphertext, ciphertext. PBKDF2-HMAC-SHA256 with 10000 rounds gives the key, the HMAC's key and the
counter of AES-256-CTR; the text is padded as PKCS #7.
"""

from __future__ import annotations

from binascii import Error as NotHex
from binascii import unhexlify
from dataclasses import dataclass, field

HEADER = b"$ANSIBLE_VAULT"
_ROUNDS = 10_000
_KEY = 32
_COUNTER = 16


class WrongPassword(Exception):
    """The password does not open it, or it was damaged: nobody can tell the two apart."""


class NotAVault(Exception):
    """Its text says why; it holds nothing of what was read."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """`label` is the vault id that it was made with, "" where it names none."""

    label: str
    salt: bytes = field(repr=False)
    seal: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)


def is_envelope(data: bytes) -> bool:
    return data.startswith(HEADER)


def read_envelope(data: bytes) -> Envelope:
    """Raises NotAVault."""
    lines = data.splitlines()
    header = [part.strip() for part in lines[0].split(b";")] if lines else []
    if len(header) < 3 or header[0] != HEADER:  # noqa: PLR2004
        raise NotAVault("it does not begin with a header of Ansible Vault")
    if header[1] not in {b"1.1", b"1.2"}:
        raise NotAVault("its format is neither 1.1 nor 1.2")
    if header[2] != b"AES256":
        raise NotAVault("its cipher is not AES256")
    label = header[3].decode(errors="replace") if len(header) > 3 else ""  # noqa: PLR2004
    try:
        parts = unhexlify(b"".join(line.strip() for line in lines[1:])).split(b"\n", 2)
        salt, seal, ciphertext = map(unhexlify, parts)
    except (NotHex, ValueError):
        raise NotAVault("what follows its header is not whole") from None
    return Envelope("" if label == "default" else label, salt, seal, ciphertext)


def decrypt(envelope: Envelope, password: bytes) -> bytes:
    """Raises WrongPassword."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, hmac, padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    kdf = PBKDF2HMAC(hashes.SHA256(), length=2 * _KEY + _COUNTER, salt=envelope.salt, iterations=_ROUNDS)
    derived = kdf.derive(password)
    check = hmac.HMAC(derived[_KEY : 2 * _KEY], hashes.SHA256())
    check.update(envelope.ciphertext)
    try:
        check.verify(envelope.seal)
    except InvalidSignature:
        raise WrongPassword from None
    opener = Cipher(algorithms.AES(derived[:_KEY]), modes.CTR(derived[2 * _KEY :])).decryptor()
    padded = opener.update(envelope.ciphertext) + opener.finalize()
    unpadder = padding.PKCS7(algorithms.AES.block_size).unpadder()
    return unpadder.update(padded) + unpadder.finalize()
