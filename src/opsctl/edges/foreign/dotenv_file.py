""".env files, as python-dotenv parses them; no variable in a value is looked up."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence

from opsctl.errors import InputError, Problem
from opsctl.secrets.importing import Found

# Compose 5 and most shells replace these unless the value is single-quoted; python-dotenv with interpolate=False and
# systemd do not, and `$$` is one or two characters accordingly.
_REFERENCE = re.compile(r"\$[A-Za-z_{$]")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SINGLE_QUOTED = re.compile(r"\s*(?:export\s+)?[^=]+=\s*'")


def read_env(file: str, data: bytes, wanted: Callable[[Sequence[str]], bool]) -> tuple[Found, ...]:
    """What is wanted of it. `file` is its name for messages. Raises InputError with every line that is no assignment."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError([Problem(file, line, "the file is not UTF-8 text")]) from None
    problems: list[Problem] = []
    found = tuple(_bindings(file, text, wanted, problems))
    if problems:
        raise InputError(problems)
    return found


def _bindings(
    file: str, text: str, wanted: Callable[[Sequence[str]], bool], problems: list[Problem]
) -> Iterator[Found]:
    from dotenv.parser import parse_stream

    for binding in parse_stream(io.StringIO(text)):
        written = binding.original.string
        line = binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
        key, value = binding.key, binding.value
        if binding.error or (key is not None and (value is None or not _KEY.fullmatch(key))):
            # Nothing of the line is told: it may belong to a value of several lines that lacks its quotes.
            problems.append(
                Problem(file, line, "this is no assignment", "NAME=value, or NAME='lines of text'")
            )
        elif key is not None and value is not None and wanted((key,)):
            yield _found(key, line, value, written)


def _found(key: str, line: int, value: str, written: str) -> Found:
    if _REFERENCE.search(value) and not _SINGLE_QUOTED.match(written):
        return Found(
            (key,),
            line,
            trouble="holds a `$` that Compose takes for a variable and other readers do not",
            hint="single quotes, if it is meant as it stands: NAME='…'",
        )
    if "\0" in value:
        return Found((key,), line, trouble="holds a NUL byte", hint="no environment variable can")
    return Found((key,), line, value)
