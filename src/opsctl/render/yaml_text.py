"""Plain data as YAML that YAML 1.1 and 1.2 readers take back unchanged: block style, two blanks deep.

Text that could be read as something else than text stands in double quotes. Mappings keep their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.model.yaml_scalars import scalar

__all__ = ["dump", "scalar"]


def dump(value: Any) -> str:
    """The document, ending in a newline. Raises TypeError for anything but plain data with text as keys."""
    if _is_branch(value):
        return "".join(f"{line}\n" for line in _lines(value))
    return scalar(value) + "\n"


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
