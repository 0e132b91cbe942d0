"""The text of images.lock.yaml: always the same for the same lock, with the comments that people put into it.

The values come from the lock, the comments from the file as it was. A comment belongs to the key in its line, or to the next
key below it; those after the last key stay at the end. It goes where its key goes. Where only a field went, its comments move
above the entry; where nobody can tell whose they are, to the head of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from opsctl.model.lock import Lock, Pinned, Previous

_HEAD = (
    "# The digest of every image, so that what was tried is what runs.",
    "# `opsctl pin-images` writes this file; your comments stay.",
)
_STEP = "  "
_KEY = re.compile(
    r"""(?P<indent> *)(?P<key>"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|[^\s#"'{}\[\],?|>%@`-][^\s#]*?)[ \t]*:(?=\s|\Z)(?P<rest>.*)"""
)
# A quote begins a text only where a value may begin, so that an apostrophe in one is none.
_COMMENT = re.compile(
    r"""(?:(?<=[\s\[{,:])|\A)(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*')|(?P<comment>(?<![ \t])[ \t]+\#.*)"""
)
# What no reader of YAML 1.1 or 1.2 takes for a number, a date, a boolean or null.
_PLAIN = re.compile(
    r"[A-Za-z](?:[A-Za-z0-9_./+-]|:(?=[A-Za-z0-9])| (?=[A-Za-z0-9]))*"
    r"|[0-9]+(?:\.[0-9]+)*-[A-Za-z][A-Za-z0-9_.-]*|[0-9]+\.[0-9]+\.[0-9]+(?:[._-][A-Za-z0-9_.-]*)?"
)
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"})
# YAML 1.2, 5.1 and 5.4, with the line breaks of 1.1.
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

_Path = tuple[str, ...]
_TOP: _Path = ("version",)
_END: _Path = ("",)


@dataclass(slots=True)
class _Comments:
    """`above` are whole lines, empty ones too, before a key's line; `beside` is what follows in it, blanks and all."""

    above: dict[_Path, list[str]] = field(default_factory=dict)
    beside: dict[_Path, str] = field(default_factory=dict)


def lock_text(lock: Lock, before: str) -> str:
    """The new text for a file that held `before`; "" where there is no file yet.

    Reading it gives exactly `lock`. The line ends are those of `before`. Never raises for what `before` holds.
    """
    newline = "\r\n" if "\r\n" in before else "\n"
    lines = dict(_lines(lock))
    old = [_UNPRINTABLE.sub("", line) for line in _BREAK.split(before.removesuffix("\n").removesuffix("\r"))]
    comments = _placed(_comments(old), lines) if any(old) else _Comments(above={_TOP: list(_HEAD)})
    text: list[str] = []
    for path, line in lines.items():
        text += [*comments.above.get(path, ()), line + comments.beside.get(path, "")]
    return newline.join([*text, *comments.above.get(_END, ()), ""])


def _lines(lock: Lock) -> Iterator[tuple[_Path, str]]:
    """Every line without comments, by the path of its key."""
    yield _TOP, f"version: {lock.version}"
    yield ("images",), "images:" if lock.images else "images: {}"
    for key, entry in sorted(lock.images.items()):
        yield ("images", key), f"{_STEP}{_scalar(key)}:"
        for name, value in _fields(entry):
            yield ("images", key, name), f"{_STEP * 2}{name}: {value}"
        if entry.previous:
            yield ("images", key, "previous"), f"{_STEP * 2}previous:"
            for name, value in _previous(entry.previous):
                yield ("images", key, "previous", name), f"{_STEP * 3}{name}: {value}"


def _fields(entry: Pinned) -> Iterator[tuple[str, str]]:
    yield "tag", _scalar(entry.tag)
    yield "digest", entry.digest
    yield from _contents(entry)
    yield "resolved_at", entry.resolved_at
    if entry.resolved_by != "registry":
        yield "resolved_by", _scalar(entry.resolved_by)
    if entry.validated_at is not None:
        yield "validated_at", entry.validated_at


def _previous(entry: Previous) -> Iterator[tuple[str, str]]:
    yield "digest", entry.digest
    yield "resolved_at", entry.resolved_at
    yield from _contents(entry)
    if entry.validated_at is not None:
        yield "validated_at", entry.validated_at


def _contents(entry: Pinned | Previous) -> Iterator[tuple[str, str]]:
    if entry.media_type:
        yield "media_type", _scalar(entry.media_type)
    if entry.platforms:
        yield "platforms", f"[{', '.join(map(_scalar, entry.platforms))}]"


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if " " <= character <= "~":
        return character
    code = ord(character)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"  # noqa: PLR2004 the last of four digits


def _comments(lines: Iterable[str]) -> _Comments:
    """The comments and empty lines of a text, by the key that they belong to."""
    found = _Comments()
    waiting: list[str] = []
    stack: list[tuple[int, str]] = []
    for line in lines:
        bare = line.strip()
        if not bare or bare.startswith("#") or bare == "---":
            waiting += [] if bare == "---" else [bare if "\t" in line.partition("#")[0] else line.rstrip()]
            continue
        match = _KEY.fullmatch(line)
        if match:
            indent = len(match["indent"])
            while stack and stack[-1][0] >= indent:
                stack.pop()
            stack.append((indent, _unquoted(match["key"])))
        path = tuple(key for _, key in stack)
        beside = _beside(match["rest"] if match else line)
        if match and path not in found.beside:
            found.above.setdefault(path, []).extend(waiting)
            found.beside[path] = beside
        else:
            found.above.setdefault(path, []).extend([*waiting, beside.strip()] if beside else waiting)
        waiting = []
    found.above[_END] = waiting
    return found


def _beside(rest: str) -> str:
    """The comment at the end of a line, with the blanks before it; "" if there is none."""
    comment = next((match["comment"] for match in _COMMENT.finditer(rest) if match["comment"]), "")
    return comment.rstrip() if "\t" not in comment[: comment.find("#")] else f"  {comment.strip()}"


def _unquoted(key: str) -> str:
    if key.startswith('"'):
        return re.sub(r"\\(.)", r"\1", key[1:-1])
    return key[1:-1].replace("''", "'") if key.startswith("'") else key


def _placed(comments: _Comments, lines: dict[_Path, str]) -> _Comments:
    """The same where every key has its line: what lost its key moves above the entry, or to the head."""
    placed = _Comments()
    homeless: list[str] = []
    for path, block in comments.above.items():
        beside = comments.beside.get(path, "")
        if path in lines or path == _END:
            placed.above.setdefault(path, [])[:0] = block
            if beside:
                placed.beside[path] = beside
            continue
        alone = [line.strip() for line in [*block, beside] if line.strip()]
        entry = path[:2]
        if entry in lines and entry != path:
            placed.above.setdefault(entry, []).extend(_STEP + line for line in alone)
        elif not (len(path) > 1 and path[0] == "images" and _is_entry(path[1])):
            homeless += alone
    placed.above.setdefault(_TOP, []).extend(homeless)
    return placed


def _is_entry(key: str) -> bool:
    return ":" in key
