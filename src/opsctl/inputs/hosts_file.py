"""hosts.toml into a draft."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from opsctl.errors import UsageError
from opsctl.inputs.draft import Draft
from opsctl.inputs.toml_document import read_toml
from opsctl.inputs.validation import faults
from opsctl.model.document import Document
from opsctl.model.hosts import HostsFile

HOSTS_FILE = "hosts.toml"
_TABLES = ("environments", "hosts")
_STANDIN: Mapping[str, Any] = {"project": "unnamed", "environments": {}, "hosts": {}}


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upwards that holds hosts.toml. Raises UsageError."""
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / HOSTS_FILE).is_file():
            return candidate
    raise UsageError(
        f"there is no {HOSTS_FILE} in {folder} or any folder above it",
        hint="change into the folder of a project, or begin one with docs/first-deploy.md",
    )


def read_hosts(draft: Draft, data: bytes) -> bool:
    """Fill in hosts, environments and their places; False where nothing of the file could be read."""
    document = read_toml(HOSTS_FILE, data)
    draft.extend(document.problems)
    if document.value is None:
        return False
    for path, line in document.lines.items():
        draft.places[path] = document.place(path) if line else draft.in_hosts(*path)
    draft.environment_names = _names(document.value, "environments")
    draft.host_names = _names(document.value, "hosts")
    draft.hosts = _validated(draft, document)
    return True


def _names(value: Mapping[str, Any], table: str) -> frozenset[str]:
    entries = value.get(table)
    return frozenset(entries) if isinstance(entries, dict) else frozenset()


def _validated(draft: Draft, document: Document) -> HostsFile:
    """The file without the entries that are not right; each is a problem."""
    value = document.value
    try:
        return HostsFile.model_validate(value)
    except ValidationError as error:
        found = list(faults(error, HostsFile))
    for fault in found:
        draft.extend([document.problem(fault.path, fault.message, fault.hint)])
    broken = {fault.path[: 2 if fault.path[0] in _TABLES else 1] for fault in found}
    kept = {
        key: {name: entry for name, entry in part.items() if (key, name) not in broken}
        if key in _TABLES and isinstance(part, dict)
        else part
        for key, part in value.items()
        if (key,) not in broken
    }
    return HostsFile.model_validate({**_STANDIN, **kept})
