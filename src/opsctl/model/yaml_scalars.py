"""Scalars of YAML: the numbers that yaml.v3 reads, and text that YAML 1.1 and 1.2 readers take back unchanged."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_OCTAL = re.compile(r"[-+]?0o?[0-7_]+")
_PLAIN_INT = re.compile(r"[-+]?[0-9_]+")
# Python 3.11 writes no number of more than 4300 digits (sys.set_int_max_str_digits), whoever reads one.
_MOST_BITS = 4096
_PLAIN = re.compile(r"(?:[A-Za-z_/]|\./)[A-Za-z0-9_./@+,=%-]*(?::[A-Za-z0-9_./@+,=%-]+)*")
# The words of YAML 1.1 (yaml.org/type/bool.html, null.html); Compose's reader (go-yaml v3) takes some of them.
WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
# What YAML 1.2 does not call printable, and the breaks and marks that readers fold or drop.
_UNSAFE = re.compile('[\\\\"\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]')


def number(text: str, kind: str) -> int | float | str:
    """What a plain scalar that looks like an `int` or a `float` means; text where it only looks so (`0x_`), or is endless.

    yaml.v3 reads 022 as octal 18, but 08 as 8 (Compose v5.6.1, by `config`).
    """
    plain = text.replace("_", "")
    try:
        if kind == "int":
            whole = _whole(text, plain)
            return whole if whole.bit_length() <= _MOST_BITS else text
        lower = plain.lower()
        if lower.endswith((".inf", ".nan")):
            return (
                math.nan if lower.endswith("nan") else math.copysign(math.inf, -1 if lower[0] == "-" else 1)
            )
        return float(plain)
    except ValueError:
        return text


def _whole(text: str, plain: str) -> int:
    if _OCTAL.fullmatch(text) and plain.lstrip("+-") != "0":
        return int(plain.replace("0o", ""), 8)
    return int(plain, 10) if _PLAIN_INT.fullmatch(text) else int(plain, 0)


def scalar(value: Any) -> str:
    """A scalar or an empty collection on one line; text stands in double quotes wherever it could be read as something else.

    Raises TypeError for what has no such form.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and value.lower() not in WORDS else quoted(value)
    if isinstance(value, Mapping | list | tuple) and not value:
        return "{}" if isinstance(value, Mapping) else "[]"
    raise TypeError(f"{type(value).__name__} has no form in YAML here")


def quoted(text: str) -> str:
    """Any text in double quotes, on one line."""
    return '"' + _UNSAFE.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}")  # noqa: PLR2004


def _float(value: float) -> str:
    text = repr(value)
    if text in {"inf", "-inf", "nan"}:
        return text.replace("inf", ".inf").replace("nan", ".nan")
    # YAML 1.1 wants a point in a number with an exponent.
    return text if "." in text or "e" not in text else text.replace("e", ".0e")
