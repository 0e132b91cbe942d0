"""Which files of a build's context a .dockerignore keeps out.

As moby/patternmatcher (v0.5) and docker/cli's reading of the file: a line is a pattern of Go's path.Match with `**` for any
number of folders; `#` begins a comment, `!` takes back; the last pattern that fits a file, or a folder above it, decides.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable


def ignored(text: str) -> Callable[[str], bool]:
    """Whether a path of the context is kept out by a .dockerignore of this text."""
    rules = [rule for line in text.removeprefix("\ufeff").splitlines() if (rule := _rule(line))]

    def decide(path: str) -> bool:
        out = False
        for pattern, takes_back in rules:
            if pattern.fullmatch(path):
                out = not takes_back
        return out

    return decide


def _rule(line: str) -> tuple[re.Pattern[str], bool] | None:
    if line.startswith("#") or not line.strip():
        return None
    takes_back = line.strip().startswith("!")
    shape = posixpath.normpath(line.strip().removeprefix("!").strip() or ".").lstrip("/")
    if shape == ".":
        return None
    return re.compile(f"{_expression(shape)}(?:/.*)?", re.DOTALL), takes_back


# `**/` may stand for no folder at all; a last `**` for everything below.
_PIECES = re.compile(
    r"\*\*/|\*\*|\*|\?|\[(?P<not>\^?)(?P<class>(?:\\.|[^\]\\])+)\]|\\(?P<plain>.)|(?P<other>.)", re.DOTALL
)


def _expression(shape: str) -> str:
    return "".join(map(_piece, _PIECES.finditer(shape)))


def _piece(match: re.Match[str]) -> str:
    fixed = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if match[0] in fixed:
        return fixed[match[0]]
    if match["class"]:
        return _class(match["class"], negated=bool(match["not"]))
    return re.escape(match["plain"] or match["other"])


_CLASS = re.compile(r"(?P<low>\\.|[^\\])(?:-(?P<high>\\.|[^\\]))?", re.DOTALL)


def _class(inside: str, *, negated: bool) -> str:
    """A range that ends before it begins holds nothing, as for Go's path.Match."""
    items = []
    for found in _CLASS.finditer(inside):
        low = found["low"][-1]
        high = found["high"][-1] if found["high"] else low
        if low <= high:
            items.append(f"{re.escape(low)}-{re.escape(high)}")
    if not items:
        return "." if negated else "(?!)"
    return f"[{'^' if negated else ''}{''.join(items)}]"
