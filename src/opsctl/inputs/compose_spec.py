"""The keys that the Compose specification knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from opsctl.render.schema import compose_spec


@cache
def keys_of(definition: str) -> frozenset[str]:
    """The keys that the specification knows for a service, a network or a volume."""
    return frozenset(_properties(compose_spec()["$defs"][definition]))


def _properties(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from schema.get("properties", {})
    for part in schema.get("allOf", ()):
        name = part.get("$ref", "").removeprefix("#/$defs/")
        yield from _properties(compose_spec()["$defs"][name] if name else part)
