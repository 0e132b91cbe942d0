"""What PostgreSQL keeps of a password (RFC 5802, RFC 7677), computed here, so that the password itself never travels."""

from __future__ import annotations

import base64
import hashlib
import hmac

from opsctl.errors import UsageError

ITERATIONS = 4096
"""PostgreSQL's own number (scram_iterations, 10 to 18)."""


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


def _keyed(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
