"""What the operator may have meant by a name that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint with the nearest known name, or with all of them where they are few and none is near."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    if 0 < len(names) <= 8:  # noqa: PLR2004 as many as fit on a line
        return f"known: {', '.join(names)}"
    return ""
