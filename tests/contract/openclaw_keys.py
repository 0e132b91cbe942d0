"""The lines of a list of keys (src/opsctl/apps/openclaw/keys) from OpenClaw's own schema, as `openclaw config schema` prints it.

python -m tests.contract.openclaw_keys schema.json >src/opsctl/apps/openclaw/keys/VERSION.txt
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Tree = dict[str, "Tree | None"]
"""By key; None takes anything. `*` is any key, `[]` the items of a list."""
_KEPT_CHANNELS = ("telegram", "defaults", "modelByChannel")
_DEEPEST = 40


def lines_of(schema: Mapping[str, Any]) -> list[str]:
    tree = _tree(schema, schema)
    assert tree
    channels, plugins = tree["channels"], tree["plugins"]
    assert channels
    assert plugins
    # What plugins bring is theirs, and comes and goes with them.
    tree["channels"] = {**{key: channels.get(key) for key in _KEPT_CHANNELS}, "*": None}
    entry = (plugins["entries"] or {})["*"] or {}
    plugins["entries"] = {"*": {**entry, "config": None}}
    return list(_lines(tree, ""))


def _tree(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Tree | None:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return None
    if "$ref" in schema:
        return _tree(_at(schema["$ref"], root), root, depth + 1)
    found: Tree = {}
    if "items" in schema:
        items = schema["items"]
        inner = _tree({"anyOf": items} if isinstance(items, list) else items, root, depth + 1)
        found.update({"[]": inner} if inner is not None else {})
    keys, others = schema.get("properties"), schema.get("additionalProperties")
    for key, value in (keys or {}).items():
        found[key] = _tree(value, root, depth + 1)
    if isinstance(others, Mapping):
        found["*"] = _tree(others, root, depth + 1) if others else None
    elif others is True or (others is None and keys is not None):
        found["*"] = None
    for kind in ("anyOf", "oneOf", "allOf"):
        for choice in schema.get(kind, ()):
            _merge(found, _tree(choice, root, depth + 1) or {})
    return found or None


def _at(reference: str, root: Mapping[str, Any]) -> Any:
    here: Any = root
    for part in filter(None, reference.lstrip("#/").split("/")):
        here = here.get(part) if isinstance(here, Mapping) else None
    return here


def _merge(one: Tree, other: Tree) -> None:
    for key, value in other.items():
        mine = one.get(key)
        if mine is not None and value is not None:
            _merge(mine, value)
        else:
            one[key] = mine or value


def _lines(tree: Tree | None, path: str) -> Iterator[str]:
    if not tree or tree == {"*": None}:
        return
    keys = sorted(key for key in tree if key != "[]")
    if keys:
        yield f"{path}: {' '.join(keys)}"
    for key in keys:
        yield from _lines(tree[key], f"{path}.{key}" if path else key)
    yield from _lines(tree.get("[]"), f"{path}[]")


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in lines_of(json.loads(Path(sys.argv[1]).read_text()))))
