"""What the shell offers after TAB: names from hosts.toml, the stack files and the stores, read without checking them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

_INPUT_FILE = "hosts.toml"


def environments(context: typer.Context, incomplete: str) -> list[str]:
    return _matching(_hosts_file(context).get("environments", {}), incomplete)


def hosts(context: typer.Context, incomplete: str) -> list[str]:
    return _matching(_hosts_file(context).get("hosts", {}), incomplete)


def stacks(context: typer.Context, incomplete: str) -> list[str]:
    return _matching([path.stem for path in _stack_files(context)], incomplete)


def services(context: typer.Context, incomplete: str) -> list[str]:
    return _matching(_services(context), incomplete)


def pinned(context: typer.Context, incomplete: str) -> list[str]:
    """Services, and hosts where what runs is meant; images not, since the shell takes a colon for the end of a word."""
    running = context.params.get("running")
    return [*(hosts(context, incomplete) if running else []), *services(context, incomplete)]


def secrets(context: typer.Context, incomplete: str) -> list[str]:
    return _matching(_secrets(context), incomplete)


def words(context: typer.Context, incomplete: str) -> list[str]:
    """Environments for the first word, services for all."""
    first = not context.params.get("words")
    return [*(environments(context, incomplete) if first else []), *services(context, incomplete)]


def _matching(names: Any, incomplete: str) -> list[str]:
    return sorted({str(name) for name in names if str(name).startswith(incomplete)})


def _root(context: typer.Context) -> Path | None:
    start = Path(str(context.find_root().params.get("project") or ".")).absolute()
    return next((folder for folder in (start, *start.parents) if (folder / _INPUT_FILE).is_file()), None)


def _hosts_file(context: typer.Context) -> dict[str, Any]:
    root = _root(context)
    try:
        return tomllib.loads((root / _INPUT_FILE).read_text(encoding="utf-8")) if root else {}
    except (OSError, ValueError):
        return {}


def _stack_files(context: typer.Context) -> list[Path]:
    root = _root(context)
    return sorted((root / "stacks").glob("*.yml")) if root else []


def _services(context: typer.Context) -> Iterator[str]:
    return _keys(_stack_files(context), "services")


def _secrets(context: typer.Context) -> Iterator[str]:
    """Of the stores of all environments."""
    root = _root(context)
    return _keys(sorted((root / "secrets").glob("*.sops.yaml")) if root else [], "secrets")


def _keys(files: Iterable[Path], table: str) -> Iterator[str]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    for path in files:
        try:
            document = YAML(typ="safe").load(path)
        except (OSError, YAMLError, ValueError):
            continue
        if isinstance(document, dict) and isinstance(document.get(table), dict):
            yield from document[table]
