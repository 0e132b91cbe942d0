"""Options on the command line of a program, as argparse, click and Go's flag package take them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def option(words: Sequence[str], *names: str) -> str:
    """The argument of an option, `--name value` or `--name=value`; "" where it is not given."""
    for word, following in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else following
    return ""


def flag(words: Sequence[str], name: str) -> str:
    """The argument of an option of a program written in Go, which takes one dash and two alike, and the last one given."""
    return next((value for given, value in reversed(_given(words)) if given == name), "")


def listen_port(words: Sequence[str], name: str, default: int) -> int:
    """The port of an address to listen on, `:8428` or `0.0.0.0:8428`, as a program written in Go takes it."""
    port = flag(words, name).rpartition(":")[2]
    return int(port) if port.isdecimal() else default


def _given(words: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for word, following in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            found.append((name.lstrip("-"), value if equals else following))
    return found
