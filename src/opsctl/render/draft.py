"""A service of a stack file as the Compose mapping that the compose template receives."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.model.checks import OwnCheck
from opsctl.model.fleet import Place
from opsctl.model.stack import Service
from opsctl.state.desired import DesiredBuild, DesiredDatabase, DesiredFile, DesiredMerge, Mention

OWN_LABEL_PREFIX = "opsctl."


@dataclass(frozen=True, slots=True)
class Draft:
    """A service between the stack file and the compose template: every text is rendered, the image pinned."""

    name: str
    stack: str
    place: Place
    service: Service
    image: str
    compose: Mapping[str, Any] = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    files: tuple[DesiredFile, ...] = ()
    secrets: frozenset[str] = frozenset()
    mentions: tuple[Mention, ...] = ()
    build: DesiredBuild | None = None
    databases: tuple[DesiredDatabase, ...] = ()
    merges: tuple[DesiredMerge, ...] = ()
    checks: tuple[OwnCheck, ...] = field(default=(), repr=False)


def definition(draft: Draft) -> dict[str, Any]:
    """The mapping, with opsctl's defaults under what the stack file says. Raises ValueError."""
    service, job = draft.service, draft.service.kind == "job"
    mapping: dict[str, Any] = {
        "image": draft.image,
        "restart": "no" if job else "unless-stopped",
        **draft.compose,
    }
    if draft.build:
        # No registry has it: a typed `up` shall say that it is not here, and not go looking for it.
        mapping["pull_policy"] = "never"
    if draft.env:
        mapping["env_file"] = [f"env/{draft.name}.env"]
    if mounts := file_mounts(draft.name, draft.files):
        mapping["volumes"] = [*(mapping.get("volumes") or ()), *mounts]
    if service.depends_on:
        mapping["depends_on"] = {
            name: {"condition": dependency.condition} | ({"restart": True} if dependency.restart else {})
            for name, dependency in service.depends_on.items()
        }
    _put_memory(mapping, "limits", "mem_limit", service.memory.limit)
    _put_memory(mapping, "reservations", "mem_reservation", service.memory.reservation)
    if service.start == "on_demand":
        mapping["profiles"] = ["on_demand"]
    return mapping


def _put_memory(mapping: dict[str, Any], section: str, key: str, size: int | None) -> None:
    """Beside other limits of `deploy.resources` where there are some: Compose 5.6.1 refuses mem_limit next to them."""
    if size is None:
        return
    deploy = mapping.get("deploy") or {}
    resources = deploy.get("resources") or {}
    if section in resources:
        resources = {**resources, section: {**resources[section], "memory": size_text(size)}}
        mapping["deploy"] = {**deploy, "resources": resources}
    else:
        mapping[key] = size_text(size)


def file_path(service: str, target: str) -> str:
    """Where a mounted file lies below the host's directory. Raises ValueError for a target no mount can have."""
    if not re.match("/[^/]", target) or posixpath.normpath(target) != target:
        raise ValueError(f"the target {target!r} is not a plain absolute path of a file")
    if ":" in target:
        raise ValueError(f"the target {target!r} has a colon, which Compose's mounts cannot carry")
    if "\\" in target:
        raise ValueError(f"the target {target!r} has a backslash, which the look at a host cannot carry")
    return f"files/{service}{target}"


def file_mounts(service: str, files: Iterable[DesiredFile]) -> list[dict[str, Any]]:
    """Read-only bind mounts: of a file itself, or once of its folder for those mounted as a directory.

    In the long form, because only that can say create_host_path: false. With the short one the engine makes a folder
    in place of a file that is gone (20.10), and no later push can put the file there.
    """
    targets = (posixpath.dirname(file.target) if file.mount == "directory" else file.target for file in files)
    return [
        {
            "type": "bind",
            "source": f"./files/{service}{target}",
            "target": target,
            "read_only": True,
            "bind": {"create_host_path": False},
        }
        for target in dict.fromkeys(targets)
    ]


def size_text(size: int) -> str:
    """Bytes in the largest of Compose's units that gives a whole number."""
    for power, unit in ((3, "g"), (2, "m"), (1, "k")):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}"
    return f"{size}b"
