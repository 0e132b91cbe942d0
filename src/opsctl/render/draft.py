"""A service of a stack file as the Compose mapping that the compose template receives."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.model.fleet import Place
from opsctl.model.stack import Service
from opsctl.state.desired import DesiredFile

OWN_LABEL_PREFIX = "opsctl."


@dataclass(frozen=True, slots=True)
class Draft:
    """A service between the stack file and the compose template: every text is rendered."""

    name: str
    stack: str
    place: Place
    service: Service
    image: str
    compose: Mapping[str, Any] = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    files: tuple[DesiredFile, ...] = ()


def definition(draft: Draft) -> dict[str, Any]:
    """The mapping, with opsctl's defaults under what the stack file says. Raises ValueError."""
    service, job = draft.service, draft.service.kind == "job"
    mapping: dict[str, Any] = {
        "image": draft.image,
        "restart": "no" if job else "unless-stopped",
        **draft.compose,
    }
    if draft.env:
        mapping["env_file"] = [f"env/{draft.name}.env"]
    if mounts := file_mounts(draft.name, draft.files):
        mapping["volumes"] = [*(mapping.get("volumes") or ()), *mounts]
    if service.depends_on:
        mapping["depends_on"] = {
            name: {"condition": dependency.condition} | ({"restart": True} if dependency.restart else {})
            for name, dependency in service.depends_on.items()
        }
    if service.memory.limit is not None:
        mapping["mem_limit"] = size_text(service.memory.limit)
    if service.memory.reservation is not None:
        mapping["mem_reservation"] = size_text(service.memory.reservation)
    if service.start == "on_demand":
        mapping["profiles"] = ["on_demand"]
    return mapping


def file_path(service: str, target: str, mount: str = "file") -> str:
    """Where a mounted file lies below the host's directory. Raises ValueError for a target no mount can have."""
    if not target.startswith("/") or posixpath.normpath(target) != target or target == "/":
        raise ValueError(f"the target {target!r} is not a plain absolute path of a file")
    if ":" in target:
        raise ValueError(f"the target {target!r} has a colon, which Compose's mounts cannot carry")
    if mount == "directory" and posixpath.dirname(target) == "/":
        raise ValueError(f"the folder of {target!r} is the container's root, which cannot be mounted")
    return f"files/{service}{target}"


def file_mounts(service: str, files: Iterable[DesiredFile]) -> list[str]:
    """Bind mounts in Compose's short form: of a file itself, or once of its folder for those mounted as a directory."""
    mounts: dict[str, None] = {}
    for file in files:
        target = posixpath.dirname(file.target) if file.mount == "directory" else file.target
        mounts[f"./files/{service}{target}:{target}:ro"] = None
    return list(mounts)


def size_text(size: int) -> str:
    """Bytes in the largest of Compose's units that gives a whole number."""
    for power, unit in ((3, "g"), (2, "m"), (1, "k")):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}"
    return f"{size}b"
