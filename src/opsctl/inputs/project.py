"""A project's folder into a fleet, or every problem of its files at once."""

from __future__ import annotations

from pathlib import Path

from opsctl.errors import InputError, UsageError
from opsctl.inputs.draft import Draft
from opsctl.inputs.hosts_file import HOSTS_FILE, read_hosts
from opsctl.inputs.stack_files import read_stack
from opsctl.model.fleet import Fleet


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upwards that holds hosts.toml. Raises UsageError."""
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / HOSTS_FILE).is_file():
            return candidate
    raise UsageError(
        f"there is no {HOSTS_FILE} in {folder} or any folder above it",
        hint="change into the project's folder, or name it with --project",
    )


def load(root: Path) -> Fleet:
    """Everything the operator wrote, cross-checked. Raises InputError with all problems, UsageError without hosts.toml."""
    draft = read_draft(root)
    if draft.problems:
        raise InputError(draft.problems)
    used = {
        (environment, stack)
        for environment, entry in draft.hosts.environments.items()
        for host in entry.hosts
        for stack in draft.hosts.hosts[host].stacks
    }
    return Fleet(
        root=root,
        hosts_file=draft.hosts,
        stacks={key: stack for key, stack in draft.stacks.items() if key in used},
        places=draft.places,
        templates=draft.templates,
    )


def read_draft(root: Path) -> Draft:
    draft = Draft()
    read_hosts(draft, (root / HOSTS_FILE).read_bytes())
    draft.templates = _templates(root / "templates")
    for file in sorted((root / "stacks").glob("*.yml")):
        read_stack(draft, file.stem, file.read_bytes())
    return draft


def _templates(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
