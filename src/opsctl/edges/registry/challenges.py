"""WWW-Authenticate: what a server asks for before it answers (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - the grammar's word for a word
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))')
# A scheme may be followed by one token68 in place of parameters: `Negotiate YII=`.
_SCHEME = re.compile(rf"({_TOKEN})(?:\s+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$)))?")
_BETWEEN = re.compile(r"[\s,]*")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """`scheme` and the names of the parameters are in small letters."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_challenges(header: str) -> tuple[Challenge, ...]:
    """In their order; several headers may have been joined by commas. What follows nonsense is left out."""
    found: list[tuple[str, dict[str, str]]] = []
    at = _past(header, 0)
    while at < len(header):
        if found and (parameter := _PARAMETER.match(header, at)):
            name, quoted, plain = parameter.groups()
            found[-1][1][name.lower()] = plain or _ESCAPED.sub(r"\1", quoted or "")
            at = _past(header, parameter.end())
        elif scheme := _SCHEME.match(header, at):
            found.append((scheme[1].lower(), {}))
            at = _past(header, scheme.end())
        else:
            break
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found)


def _past(header: str, at: int) -> int:
    between = _BETWEEN.match(header, at)
    return between.end() if between else at
