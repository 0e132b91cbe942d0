"""Checks of a stack file with their texts rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from opsctl.model.checks import OwnCheck

_PRIVATE = frozenset({("http", "headers"), ("http", "body"), ("command", "stdin"), ("sql", "query")})
"""Where a secret may stand: what goes into a request or onto stdin, and is never shown."""

Path = tuple[str | int, ...]


def texts_of(check: OwnCheck) -> Iterator[tuple[str, Path, bool]]:
    """Every text of a check, where it stands below the check, and whether secret() may be used in it."""
    yield from _texts(check.model_dump(by_alias=True, exclude_unset=True), ())


def _texts(value: Any, path: Path) -> Iterator[tuple[str, Path, bool]]:
    if isinstance(value, str):
        yield value, path, path[:2] in _PRIVATE
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))


def rendered(check: OwnCheck, text: Callable[[str, Path, bool], str]) -> OwnCheck:
    """The check with `text` of each of its texts. Raises ValueError where what comes out is no such check."""
    data = _with(check.model_dump(by_alias=True, exclude_unset=True), (), text)
    try:
        return OwnCheck.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"once it is rendered, {where}: {first['msg']}") from None


def _with(value: Any, path: Path, text: Callable[[str, Path, bool], str]) -> Any:
    if isinstance(value, str):
        return text(value, path, path[:2] in _PRIVATE)
    if isinstance(value, Mapping):
        return {key: _with(inner, (*path, key), text) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with(inner, (*path, index), text) for index, inner in enumerate(value)]
    return value
