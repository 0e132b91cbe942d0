r"""Env files as Compose reads them: a writer whose every value survives, and a reader for files edited by hand.

How Compose's parser takes them was read in compose-go v2.0.0-beta.3 to v2.11 (dotenv/parser.go) and is held against the
real binary by a property test:

- 'single quotes' are literal, but a backslash before a quote escapes it, and backslashes are counted in pairs: an odd
  run of them before a quote or at the end cannot be written that way;
- "double quotes" know \\ \" \$ and C escapes, and are interpolated;
- unquoted text is interpolated, ends at ` #`, and loses its outer blanks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_BARE = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")
_ODD_BACKSLASHES = re.compile(r"(?<!\\)(?:\\\\)*\\(?='|\Z)")
_FORBIDDEN = {"\n": "a newline", "\r": "a carriage return", "\0": "a NUL character"}

_BLANK = r"[ \t\v\f\r\x85\xa0]*"
_STATEMENT = re.compile(
    rf"\s*(?:\#[^\n]*(?=\n|\Z)|(?:export\s+)?(?P<key>[\w.\[\]-]+){_BLANK}"
    rf"(?:(?P<separator>[=:]){_BLANK}(?P<quote>['\"]?)|(?=\n|\Z)))"
)
_ESCAPE = re.compile(r'\\([abcfnrtv$"\\]|0\d{0,3})')
_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "c": "\\c",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "$": "$$",
}
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<name>[A-Za-z_]\w*)"
    r"|\{(?:(?P<braced>[A-Za-z_]\w*)(?:(?P<how>:?[-+?])(?P<word>[^}]*))?\}|(?P<broken>)))",
    re.ASCII,
)


def dump(values: Mapping[str, str]) -> bytes:
    """The file that gives a container exactly these values, sorted by key; an empty mapping gives an empty file.

    Raises ValueError that names the key, never the value, where `key_problem` or `value_problem` finds something.
    """
    for key, value in values.items():
        if problem := key_problem(key) or value_problem(value):
            raise ValueError(f"{key!r}: {problem}")
    return "".join(f"{key}={quote(values[key])}\n" for key in sorted(values)).encode()


def key_problem(key: str) -> str:
    """What keeps a name out of an env file; "" if nothing does."""
    if _KEY.fullmatch(key):
        return ""
    return "the name of a variable has letters, digits, '_', '.' and '-' only, and does not begin with a digit or '-'"


def value_problem(value: str) -> str:
    """What keeps a value out of an env file; "" if nothing does. The value is not quoted: it may be a secret."""
    for character, name in _FORBIDDEN.items():
        if character in value:
            return f"the value holds {name}, which an env file cannot carry"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "the value holds text that is not valid Unicode"
    return ""


def quote(value: str) -> str:
    """The shortest of the spellings that Compose reads back as `value`."""
    if _BARE.fullmatch(value):
        return value
    if _ODD_BACKSLASHES.search(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$") + '"'
    return "'" + value.replace("'", "\\'") + "'"


def parse(data: bytes) -> dict[str, str]:
    """What Compose reads from an env file; later lines win, and `$NAME` takes earlier lines only.

    Names that would come from the shell which runs Compose are left out. Raises ValueError with the line's number,
    never its text.
    """
    text = data.decode("utf-8-sig").replace("\r\n", "\n")
    values: dict[str, str] = {}
    position = 0
    while match := _STATEMENT.match(text, position):
        key, quoted, position = match["key"], match["quote"], match.end()
        if not key or match["separator"] not in {"=", ":"}:
            continue
        line = _line(text, position)
        if quoted:
            raw, position = _quoted(text, position, quoted)
            values[key] = _interpolated(_unescape(raw), values, line) if quoted == '"' else raw
        else:
            end = text.find("\n", position) % (len(text) + 1)
            values[key] = _interpolated(text[position:end].split(" #")[0].rstrip(), values, line)
            position = end
    if rest := text[position:].lstrip():
        raise ValueError(f"line {_line(text, len(text) - len(rest))} is not NAME=value")
    return values


def _quoted(text: str, start: int, quote_: str) -> tuple[str, int]:
    """The characters up to the closing quote, and the position after it."""
    match = re.compile(rf"((?:[^\\{quote_}]|\\.)*){quote_}", re.DOTALL).match(text, start)
    if not match:
        raise ValueError(f"line {_line(text, start)}: a quote is not closed")
    return re.sub(rf"\\(\\|{quote_})", lambda m: m[0] if m[1] == "\\" else quote_, match[1]), match.end()


def _unescape(raw: str) -> str:
    def expand(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "0":
            return chr(int(code[1:], 8)) if len(code) == 4 else match[0]  # noqa: PLR2004
        return _ESCAPES.get(code, code)

    return _ESCAPE.sub(expand, raw)


def _interpolated(raw: str, values: Mapping[str, str], line: int) -> str:
    def expand(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        if match["broken"] is not None:
            raise ValueError(f"line {line}: `${{` is not closed, or names no variable")
        found = values.get(match["name"] or match["braced"])
        how, word = match["how"] or "", match["word"] or ""
        present = found is not None and (bool(found) or not how.startswith(":"))
        if how.endswith("+"):
            return word if present else ""
        return (found or "") if present or not how.endswith("-") else word

    return _VARIABLE.sub(expand, raw)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
