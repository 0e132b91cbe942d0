"""Plain data as YAML that YAML 1.1 and 1.2 readers take back unchanged: block style, two blanks deep.

Text that could be read as something else than text stands in double quotes. Mappings keep their order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = re.compile(r"(?:[A-Za-z_/]|\./)[A-Za-z0-9_./@+,=%-]*(?::[A-Za-z0-9_./@+,=%-]+)*")
# The words of YAML 1.1 (yaml.org/type/bool.html, null.html); Compose's reader (go-yaml v3) takes some of them.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
# What YAML 1.2 does not call printable, and the breaks and marks that readers fold or drop.
_UNSAFE = re.compile('[\\\\"\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]')


def dump(value: Any) -> str:
    """The document, ending in a newline. Raises TypeError for anything but plain data with text as keys."""
    if _is_branch(value):
        return "".join(f"{line}\n" for line in _lines(value))
    return scalar(value) + "\n"


def scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else _quoted(value)
    if isinstance(value, Mapping | list | tuple) and not value:
        return "{}" if isinstance(value, Mapping) else "[]"
    raise TypeError(f"{type(value).__name__} has no form in YAML here")


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not text")
            if _is_branch(entry):
                yield f"{scalar(key)}:"
                yield from (f"  {line}" for line in _lines(entry))
            else:
                yield f"{scalar(key)}: {scalar(entry)}"
        return
    for entry in value:
        inner = _lines(entry) if _is_branch(entry) else iter((scalar(entry),))
        yield f"- {next(inner)}"
        yield from (f"  {line}" for line in inner)


def _is_branch(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) and bool(value)


def _quoted(text: str) -> str:
    return '"' + _UNSAFE.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}")  # noqa: PLR2004


def _number(value: float) -> str:
    text = repr(value)
    if text in {"inf", "-inf", "nan"}:
        return text.replace("inf", ".inf").replace("nan", ".nan")
    # YAML 1.1 wants a point in a number with an exponent.
    return text if "." in text or "e" not in text else text.replace("e", ".0e")
