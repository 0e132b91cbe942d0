"""What a server says, cut short, and without what we sent it."""

from __future__ import annotations

import json
import re

_LONGEST = 200
_SHORTEST_SECRET = 4
_HIDDEN = "…"
# Nothing of a terminal's language gets through.
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\uffff]+")


class Quoting:
    """Secrets are told to it before they are sent. Threads share it."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def hide(self, *secrets: str) -> None:
        self._secrets |= {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}

    def said(self, body: bytes) -> str:
        """`: CODE: message` of the first error in {"errors": [{"code", "message"}]} or {"details"}, "" where there is none."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return ""
        text = self._safe(_words(document))
        return f": {text}" if text else ""

    def _safe(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        text = _UNPRINTABLE.sub(" ", text).strip()
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()}…"


def codes(body: bytes) -> frozenset[str]:
    """The codes of the errors in a body, such as NAME_UNKNOWN."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(str(error.get("code", "")) for error in _errors(document))


def _words(document: object) -> str:
    for error in _errors(document):
        parts = (error.get("code"), error.get("message"))
        return ": ".join(part for part in parts if isinstance(part, str) and part)
    # A token server of Docker Hub: {"details": "incorrect username or password"}.
    details = document.get("details") if isinstance(document, dict) else ""
    return details if isinstance(details, str) else ""


def _errors(document: object) -> list[dict[str, object]]:
    listed = document.get("errors") if isinstance(document, dict) else None
    return [error for error in listed if isinstance(error, dict)] if isinstance(listed, list) else []
