"""A password as libpq reads it from a file."""

from __future__ import annotations

import re

from opsctl.errors import UsageError


def pgpass(password: str) -> bytes:
    """A password file that says it for every server. Raises UsageError for a password that no such file can hold."""
    if re.search(r"[\r\n\0]", password):
        raise UsageError("the password holds a line break", hint="a database's password is one line")
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:*:{escaped}\n".encode()
