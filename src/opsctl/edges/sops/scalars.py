"""Plain scalars as sops reads them, and values as its check sum covers them.

sops reads with yaml.v3, a mix of YAML 1.1 and 1.2 (go-yaml v3, resolve.go: `1_000`, `0x10` and `017` are numbers, `yes` is
text, `2026-01-01` is a time), and writes back in its own words. Whatever it would spell otherwise than it stands is
refused here, since the next save by sops would change it and another reader may take it for something else.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from opsctl.model.values import Unfit

Clear = str | int | float | bool | None
Value = Clear | bytes | datetime

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+", re.ASCII)
_OTHER_NUMBER = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+"
    r"|(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))"
    r"|\.(?:nan|NaN|NAN)",
    re.ASCII,
)
_TIME = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:$|[Tt\s])", re.ASCII)
_MOST = 2**63


def plain(text: str) -> Clear:
    """The value of a scalar without quotes. Raises Unfit for dates and for numbers that sops would spell otherwise."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _WHOLE.fullmatch(text) and -_MOST <= int(text) < _MOST:
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _OTHER_NUMBER.fullmatch(text):
        raise Unfit("a number in a form that readers of YAML do not agree on", "put it in quotes")
    if _TIME.match(text):
        raise Unfit(
            "a date without quotes, which sops reads as a time and spells otherwise", "put it in quotes"
        )
    if text == "<<":
        raise Unfit("a merge key ('<<'), which sops does not keep", "write the keys out")
    return text


def number_text(value: float) -> str:
    """As Go's strconv.FormatFloat(value, 'f', -1, 64), which is what the check sum covers."""
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 the test for NaN
        return {"inf": "+Inf", "-inf": "-Inf"}.get(repr(value), "NaN")
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def covered(value: Value) -> tuple[str, bytes]:
    """The name that sops has for a value's type, and the bytes that are encrypted and summed up (sops.go, ToBytes).

    Raises UnicodeEncodeError for text that UTF-8 cannot hold, ValueError for null and times, which have no such bytes.
    """
    match value:
        case bool():
            return "bool", b"True" if value else b"False"
        case str():
            return "str", value.encode()
        case int():
            return "int", str(value).encode()
        case float():
            return "float", number_text(value).encode()
        case bytes():
            return "bytes", value
    raise ValueError("null and times have no bytes of their own")


def decoded(kind: str, data: bytes) -> Value:
    """The value of decrypted bytes. Raises ValueError, without quoting them."""
    try:
        match kind:
            case "str":
                return _text_or_bytes(data)
            case "int":
                return int(data.decode("ascii"))
            case "float":
                return float(data.decode("ascii"))
            case "bool":
                return {"True": True, "true": True, "False": False, "false": False}[data.decode("ascii")]
            case "bytes":
                return data
            case "time":
                return datetime.fromisoformat(data.decode("ascii"))
    except (ValueError, KeyError):
        # Not chained: Python's message quotes the value.
        raise ValueError(f"what was decrypted is no {kind}") from None
    raise ValueError(f"an unknown type: {kind}")


def _text_or_bytes(data: bytes) -> str | bytes:
    """A text, or what it is as sops holds it: it keeps a `!!binary` scalar as text of any bytes (yaml.v3, decode.go)."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
