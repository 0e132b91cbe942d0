"""redis.conf as the server reads it: a directive a line, its words split as sdssplitargs does (Redis 7.0 sds.c, config.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from opsctl.model.values import Unfit

_SPACE = b" \t\n\v\f\r"
_WORD = re.compile(
    rb"""(?: "(?: \\. | [^"\\] )*" (?=[ \t\n\v\f\r]|\Z)
           | '(?: \\' | [^'\\] | \\(?!') )*' (?=[ \t\n\v\f\r]|\Z)
           | [^ \t\n\r"'] )+""",
    re.VERBOSE | re.DOTALL,
)
_PART = re.compile(
    rb""" "(?P<double>(?: \\. | [^"\\] )*)" | '(?P<single>(?: \\' | [^'\\] | \\(?!') )*)' """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}
# memtoll of util.c: k is 1000, kb is 1024, and so on.
_SIZE = re.compile(r"(\d+)([a-z]*)", re.IGNORECASE)
_UNITS: dict[str, int] = {"": 1, "b": 1} | {
    sign + tail: base**power
    for power, sign in enumerate("kmg", start=1)
    for tail, base in (("", 1000), ("b", 1024))
}


@dataclass(frozen=True, slots=True)
class Directive:
    """`line` is 1-based in its file, 0 on the command line. Arguments may be secrets."""

    name: str
    arguments: tuple[str, ...] = field(repr=False)
    line: int = 0

    @property
    def value(self) -> str:
        return self.arguments[0] if self.arguments else ""


@dataclass(frozen=True, slots=True)
class Conf:
    """`broken` are the lines whose quotes do not end: the server does not start with them."""

    directives: tuple[Directive, ...]
    broken: tuple[int, ...] = ()


@lru_cache(maxsize=16)
def read_conf(content: bytes) -> Conf:
    """The lines of a redis.conf in their order; comments and empty lines left out."""
    directives, broken = [], []
    for number, raw in enumerate(content.split(b"\n"), start=1):
        line = raw.strip(b" \t\r\n")
        if not line or line.startswith(b"#"):
            continue
        words = split_words(line)
        if words is None:
            broken.append(number)
        elif words:
            directives.append(Directive(words[0].lower(), tuple(words[1:]), number))
    return Conf(tuple(directives), tuple(broken))


def split_words(line: bytes) -> list[str] | None:
    """The words of a line without their quotes; None where a quote does not end, or does not end its word."""
    words: list[str] = []
    at = 0
    while True:
        while at < len(line) and line[at] in _SPACE:
            at += 1
        if at == len(line):
            return words
        word = _WORD.match(line, at)
        if word is None or (word.end() < len(line) and line[word.end()] not in b" \t\n\r"):
            return None
        words.append(_unquoted(word[0]).decode(errors="replace"))
        at = word.end()


def _unquoted(word: bytes) -> bytes:
    return _PART.sub(_meant, word)


def _meant(part: re.Match[bytes]) -> bytes:
    if part["single"] is not None:
        return part["single"].replace(b"\\'", b"'")
    return _ESCAPE.sub(_sign, part["double"])


def _sign(escape: re.Match[bytes]) -> bytes:
    said = escape[1]
    if len(said) > 1:
        return bytes.fromhex(said[1:].decode())
    return _CONTROLS.get(said, said)


def memory_bytes(text: str) -> int:
    """Bytes of a size as Redis spells it: 48mb, 100m (a hundred million), 1024. Raises Unfit."""
    match = _SIZE.fullmatch(text)
    if not match or match[2].lower() not in _UNITS:
        raise Unfit(f"{text!r} is not a size such as 48mb", "mb and gb are powers of 1024, m and g of 1000")
    return int(match[1]) * _UNITS[match[2].lower()]


def saves(directives: Iterable[Directive]) -> bool:
    """Whether snapshots are written: without any `save` they are, an empty one ends those before it (config.c, 7.0)."""
    on = True
    for one in directives:
        if one.name == "save":
            on = bool(" ".join(one.arguments).strip())
    return on
