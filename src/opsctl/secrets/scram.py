"""What PostgreSQL keeps of a password (RFC 5802, RFC 7677), computed here, so that the password itself never travels."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

from opsctl.errors import UsageError

ITERATIONS = 4096
"""PostgreSQL's own number (scram_iterations, 10 to 18)."""
# More iterations than anybody sets; each costs a microsecond here.
_KEPT = re.compile(r"SCRAM-SHA-256\$([1-9]\d{0,6}):([A-Za-z0-9+/=]+)\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """The text that `ALTER ROLE … PASSWORD` takes in place of the password: SCRAM-SHA-256$4096:salt$stored:server.

    Raises UsageError for an empty password, which PostgreSQL never lets in, and for characters other than ASCII: a
    client normalises those by SASLprep before it logs in, and ASCII stays as it is (src/common/saslprep.c).
    """
    if not password:
        raise UsageError("an empty password lets nobody in", hint="bring a longer one")
    if not password.isascii() or "\0" in password:
        raise UsageError(
            "the password holds characters other than ASCII",
            hint="PostgreSQL's clients may normalise them (SASLprep); use letters, digits and ASCII signs",
        )
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    server = _keyed(salted, b"Server Key")
    return f"SCRAM-SHA-256${iterations}:{_text(salt)}${_text(stored)}:{_text(server)}"


def fits(password: str, kept: str) -> bool:
    """Whether what PostgreSQL keeps is that of this password; False for other kinds, as md5. Raises UsageError as `verifier`."""
    found = _KEPT.fullmatch(kept)
    if not found:
        return False
    try:
        salt = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        return False
    return hmac.compare_digest(verifier(password, salt, int(found[1])), kept)


def _keyed(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
