"""The images that a Dockerfile names, and where each stands.

As read in moby/buildkit, frontend/dockerfile/parser/parser.go (of 2024, which knows the directives syntax, escape and check):
a line that ends in the escape character goes on, comments and empty lines inside an instruction are skipped, and RUN, COPY
and ADD take heredocs, whose lines are no instructions. `COPY --from=` expands no variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.*?)[ \t\r]*\Z")
_DIRECTIVES = frozenset({"escape", "syntax", "check"})
_COMMENT = re.compile(r"[ \t]*#")
_WORD = re.compile(r"\S+")
_SHELL_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\]|["'\\])+""", re.DOTALL)
_HEREDOC = re.compile(r"\d*<<(-?)([^<\s]+)")
_TAKES_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
_VARIABLE = re.compile(
    r"\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?:(?P<how>:?[-+])(?P<word>[^{}$]*))?\})",
    re.ASCII,
)
_ARGUMENT = re.compile(r"""([A-Za-z_]\w*)=((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])*)""", re.ASCII)
_TAKE_FROM = {"COPY": re.compile(r"--from=(\S+)"), "RUN": re.compile(r"--mount=(?:[^,]*,)*?from=([^,]+)")}


@dataclass(frozen=True, slots=True)
class From:
    """One image that the build takes from a registry: by FROM, `COPY --from=` or `RUN --mount=from=`.

    `image` has the defaults of ARG filled in. `line` is the 1-based line of the word, `start` and `end` the characters of the
    text that it fills. Not `whole`: a part of it is known only to who builds, and `image` is the word as written.
    """

    image: str
    line: int
    start: int
    end: int
    whole: bool = True


@dataclass(frozen=True, slots=True)
class _Instruction:
    """`text` is one line, however many it fills in the file; `offsets` say where each of its characters stands."""

    name: str
    text: str
    offsets: tuple[int, ...]


@dataclass(slots=True)
class _Known:
    """ARG before the first FROM is for every FROM; in a stage it is of no use to the name of an image. `given` are those
    that the build is given, which stand in for the defaults.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    stages: set[str] = field(default_factory=set)
    in_stage: bool = False


_Word = tuple[int, int, str, bool]
"""Start and end within the instruction, the image, whether it is whole."""


def from_lines(text: str, given: Mapping[str, str] | None = None) -> tuple[From, ...]:
    """In the order of the text. `scratch` and stages, by name or number, are no images. `given` are arguments of the build.

    What is no Dockerfile gives what can be read of it.
    """
    known, found = _Known(given or {}), []
    for instruction in _instructions(text):
        for first, end, image, whole in _images(instruction, known):
            at, last = instruction.offsets[first], instruction.offsets[end - 1]
            found.append(From(image, text.count("\n", 0, at) + 1, at, last + 1, whole))
    return tuple(found)


def _images(instruction: _Instruction, known: _Known) -> Iterator[_Word]:
    if instruction.name == "ARG" and not known.in_stage:
        for argument in _ARGUMENT.finditer(instruction.text):
            value, whole = _filled(argument[2], known.arguments)
            known.arguments.pop(argument[1], None)
            if whole:
                known.arguments[argument[1]] = value
        declared = {word.partition("=")[0] for word in instruction.text.split()[1:]}
        known.arguments |= {name: text for name, text in known.given.items() if name in declared}
    elif instruction.name == "FROM":
        yield from _base(instruction.text, known)
    elif pattern := _TAKE_FROM.get(instruction.name):
        for start, end in _flags(instruction.text, pattern):
            yield from _image(instruction.text, start, end, _Known(stages=known.stages))


def _base(text: str, known: _Known) -> Iterator[_Word]:
    words = [word for word in _WORD.finditer(text) if not word[0].startswith("--")][1:]
    if not words:
        return
    yield from _image(text, *words[0].span(), known)
    known.in_stage = True
    if len(words) > 2 and words[1][0].upper() == "AS":  # noqa: PLR2004 image AS name
        known.stages.add(words[2][0].lower())


def _image(text: str, start: int, end: int, known: _Known) -> Iterator[_Word]:
    if end - start > 1 and text[start] in "\"'" and text[start] == text[end - 1]:
        start, end = start + 1, end - 1
    image, whole = _filled(text[start:end], known.arguments)
    if image and image.lower() not in known.stages and not image.isdecimal() and image != "scratch":
        yield start, end, image, whole


def _flags(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """What the flags before the first word of the command itself say of where to take from."""
    for word in islice(_WORD.finditer(text), 1, None):
        if not word[0].startswith("--"):
            return
        if match := pattern.match(word[0]):
            yield word.start() + match.start(1), word.start() + match.end(1)


def _filled(word: str, arguments: dict[str, str]) -> tuple[str, bool]:
    """The word with what ARG says, without its quotes; the word itself, and False, where something has no default."""
    missing = False

    def fill(match: re.Match[str]) -> str:
        nonlocal missing
        value, how = arguments.get(match["name"] or match["braced"]), match["how"] or ""
        present = value is not None and (value != "" or not how.startswith(":"))
        if how.endswith("+"):
            return match["word"] if present else ""
        if how.endswith("-") and not present:
            return match["word"]
        missing = missing or not present
        return value or ""

    filled = _VARIABLE.sub(fill, word[1:-1] if word[:1] in {"'", '"'} else word)
    whole = not missing and not re.search(r"[${}]", filled)
    return (filled, True) if whole else (word, False)


def _instructions(text: str) -> Iterator[_Instruction]:
    """Every instruction as one line; ONBUILD is left out, comments, empty lines and heredocs too."""
    lines = _lines(text)
    escape = _escape(text)
    pending: list[str] = []
    offsets: list[int] = []
    for start, line in lines:
        if _COMMENT.match(line) or (pending and not line.strip()):
            continue
        goes_on = re.search(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*\Z", line)
        kept = line[: goes_on.start()] if goes_on else line
        pending.append(kept)
        offsets += range(start, start + len(kept))
        if goes_on:
            continue
        yield from _whole("".join(pending), offsets, lines)
        pending, offsets = [], []
    yield from _whole("".join(pending), offsets, lines)


def _whole(text: str, offsets: list[int], lines: Iterator[tuple[int, str]]) -> Iterator[_Instruction]:
    """The instruction, if it is one; the lines of its heredocs are taken away."""
    words = _WORD.search(text)
    if words and words[0].upper() == "ONBUILD":
        text, offsets = text[words.end() :], offsets[words.end() :]
        words = _WORD.search(text)
    if not words:
        return
    name = words[0].upper()
    if name in _TAKES_HEREDOCS and "<<" in text:
        for word in _SHELL_WORD.finditer(text):
            if heredoc := _HEREDOC.fullmatch(word[0]):
                _skip(lines, re.sub(r"[\"'\\]", "", heredoc[2]), tabs=bool(heredoc[1]))
    yield _Instruction(name, text, tuple(offsets))


def _skip(lines: Iterator[tuple[int, str]], end: str, *, tabs: bool) -> None:
    for _start, line in lines:
        if (line.lstrip("\t") if tabs else line) == end:
            return


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line without its end, and where it starts."""
    start = 1 if text.startswith("\ufeff") else 0
    while start < len(text):
        end = text.find("\n", start) % (len(text) + 1)
        yield start, text[start:end].removesuffix("\r")
        start = end + 1


def _escape(text: str) -> str:
    """Directives count until the first line that is none."""
    for _start, line in _lines(text):
        directive = _DIRECTIVE.match(line)
        if not directive or directive[1].lower() not in _DIRECTIVES:
            return "\\"
        if directive[1].lower() == "escape":
            return "`" if directive[2] == "`" else "\\"
    return "\\"
