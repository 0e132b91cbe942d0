"""Values that opsctl makes itself."""

from __future__ import annotations

from string import ascii_letters, digits

from opsctl.flows.rotation.drivers.contract import Chance

LENGTH = 32
SHORTEST = 16
LONGEST = 128

_ALPHABET = ascii_letters + digits
_FAIR = 256 - 256 % len(_ALPHABET)
"""Bytes from here on would make the first letters of the alphabet likelier."""


def letters_and_digits(length: int, chance: Chance) -> str:
    """Each of 62 signs as likely as any other (190 bits in 32): nothing that a URL, a shell, YAML or SQL would read."""
    text = ""
    while len(text) < length:
        text += "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in chance(length) if byte < _FAIR)
    return text[:length]
