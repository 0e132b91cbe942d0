"""A project's folder into a fleet, or every problem of its files at once."""

from __future__ import annotations

import stat
from pathlib import Path

from opsctl.errors import InputError, UsageError
from opsctl.inputs.crosscheck import crosscheck
from opsctl.inputs.draft import Draft
from opsctl.inputs.host_names import unused_hosts
from opsctl.inputs.hosts_file import HOSTS_FILE, read_hosts
from opsctl.inputs.lock_file import read_lock
from opsctl.inputs.stack_files import read_stack
from opsctl.model.fleet import Fleet, Place
from opsctl.model.lock import LOCK_FILE
from opsctl.model.values import Unfit, check_name


def load(root: Path) -> Fleet:
    """Everything the operator wrote, cross-checked.

    Raises InputError with every problem of every file, UsageError where a file cannot be opened.
    """
    try:
        draft = _read(root)
    except OSError as error:
        raise UsageError(f"cannot read {error.filename}: {error.strerror}") from error
    if draft.problems:
        raise InputError(draft.problems)
    return _fleet(root, draft)


def _read(root: Path) -> Draft:
    draft = Draft(templates=_templates(root / "templates"), executables=_executables(root / "templates"))
    hosts_known = read_hosts(draft, (root / HOSTS_FILE).read_bytes())
    folder = root / "stacks"
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.suffix == ".yml" and file.is_file():
            _read_stack(draft, file)
        elif file.suffix == ".yaml":
            draft.add(Place(f"stacks/{file.name}", 0), "is not read", f"call it {file.stem}.yml")
    lock = root / LOCK_FILE
    if lock.exists():
        read_lock(draft, lock.read_bytes())
    crosscheck(draft, hosts_known=hosts_known)
    return draft


def _read_stack(draft: Draft, file: Path) -> None:
    try:
        name = check_name(file.stem)
    except Unfit as reason:
        draft.add(Place(f"stacks/{file.name}", 0), f"a stack is called like its file: {reason}", reason.hint)
        return
    read_stack(draft, name, file.read_bytes())


def _templates(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _executables(folder: Path) -> frozenset[str]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.stat().st_mode & stat.S_IXUSR)
    return frozenset(file.relative_to(folder).as_posix() for file in files)


def _fleet(root: Path, draft: Draft) -> Fleet:
    used = {
        (environment, stack)
        for environment, entry in draft.hosts.environments.items()
        for host in entry.hosts
        for stack in draft.hosts.hosts[host].stacks
    }
    notes = [f"the host {host!r} is in no environment" for host in unused_hosts(draft)]
    return Fleet(
        root=root,
        hosts_file=draft.hosts,
        stacks={key: stack for key, stack in draft.stacks.items() if key in used},
        places=draft.places,
        templates=draft.templates,
        executables=draft.executables,
        before_overrides=draft.before_overrides,
        lock=draft.lock,
        notes=tuple(notes),
    )
