"""The Compose specification's schema, as check-jsonschema carries it; none of its code is imported."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


@cache
def compose_spec() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a compose file; 1.5 ms for 91 kB, once per process. Do not change what it returns."""
    found = find_spec("check_jsonschema")
    if found is None or found.origin is None:
        raise RuntimeError("check-jsonschema is not installed, though opsctl depends on it")
    file = Path(found.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema: dict[str, Any] = json.loads(file.read_bytes())
    return schema


@cache
def keys_of(definition: str) -> frozenset[str]:
    """The keys that the specification knows for a service, a network or a volume."""
    return frozenset(_properties(compose_spec()["$defs"][definition]))


def _properties(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from schema.get("properties", {})
    for part in schema.get("allOf", ()):
        name = part.get("$ref", "").removeprefix("#/$defs/")
        yield from _properties(compose_spec()["$defs"][name] if name else part)
