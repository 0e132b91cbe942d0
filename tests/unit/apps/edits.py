"""Small changes of the files of a test's project."""

from __future__ import annotations

from collections.abc import Sequence


def changed(text: str, edits: Sequence[tuple[str, str]]) -> str:
    """Every edit must find what it replaces."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text
