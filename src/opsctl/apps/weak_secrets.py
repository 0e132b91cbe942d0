"""What is wrong with a secret's value, told without the value."""

from __future__ import annotations

import re
from collections.abc import Collection

# opsctl.render.output.placeholder: what a store will give is not known where nobody could read it.
_PLACEHOLDER = re.compile(r"__secret_.+?__")


def weakness(value: str, published: Collection[str] = (), *, shortest: int = 0) -> str:
    """What goes on behind the name of the variable; "" for a value that is fine, or that nobody knows yet.

    `published` are the values of examples and documentations, `shortest` how many characters it should have.
    """
    if is_unknown(value):
        return ""
    if not value:
        return "is not set"
    if value in published:
        return "is the one of a public example, which everybody knows"
    return "is short enough to be guessed" if len(value) < shortest else ""


def is_unknown(value: str) -> bool:
    """Whether a secret stands in it that nobody could read: the value is then made up."""
    return bool(_PLACEHOLDER.search(value))
