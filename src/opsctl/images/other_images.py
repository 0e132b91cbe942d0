"""The images that a Compose service names beside its own: those of pre_start hooks, and volumes that are images
(compose-spec, container_spec).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def other_images(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The key of the service that each stands below, and the image as it is written."""
    for key, field, entries in _lists(definition):
        for entry in entries:
            if _is_image(key, field, entry):
                yield key, entry[field]


def with_other_images(definition: Mapping[str, Any], change: Callable[[str, str], str]) -> dict[str, Any]:
    """The same service with each of them changed; `change` gets what `other_images` gives."""
    changed = dict(definition)
    for key, field, entries in _lists(definition):
        changed[key] = [
            {**entry, field: change(key, entry[field])} if _is_image(key, field, entry) else entry
            for entry in entries
        ]
    return changed


def _lists(definition: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Any]]]:
    for key, field in (("pre_start", "image"), ("volumes", "source")):
        entries = definition.get(key)
        if isinstance(entries, list):
            yield key, field, entries


def _is_image(key: str, field: str, entry: Any) -> bool:
    if not isinstance(entry, Mapping) or not isinstance(entry.get(field), str):
        return False
    return key != "volumes" or entry.get("type") == "image"
