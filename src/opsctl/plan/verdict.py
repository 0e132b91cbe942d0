"""What one service's container needs, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.plan.context import Context
from opsctl.plan.references import image_id
from opsctl.state.desired import DesiredService
from opsctl.state.fingerprint import (
    DEFINITION_LABEL,
    ENV_LABEL,
    FILES_LABEL,
    NETWORK_HASH_LABEL,
    WITHOUT_EFFECT,
    network_hash,
)
from opsctl.state.observed import WORKING_DIR_LABEL, ObservedContainer

# A changed image has a cause of its own; env_file comes and goes with the first and last key of env.
_SAID_OTHERWISE = frozenset({"image", "env_file"})

Action = Literal["none", "create", "recreate", "run", "start", "restart"]

# The engine adds PATH to every container's environment where the image sets none (moby daemon/oci_linux.go).
_ENGINE_ENV = frozenset({"PATH"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`edits` are changes by hand that a plan undoes; `notes` ask for no step."""

    service: str
    action: Action
    causes: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def judge(ctx: Context, service: DesiredService) -> Verdict:
    """The verdict on one service, for itself alone: who must follow others is decided by the planner."""
    name = service.name
    container = ctx.container(name)
    if ctx.sleeps(service):
        return Verdict(name, "none", notes=_sleep_notes(ctx, service))
    asked = ("asked for",) if name in ctx.request.recreate else ()
    again: Action = "run" if service.kind == "job" else "recreate"
    if container is None:
        known = name in ctx.present("services")
        why = asked or (("its container is gone",) if known else ("new",))
        return Verdict(
            name, "run" if service.kind == "job" else "create", why, edits=tuple(env_edits(ctx, service))
        )
    edits = (*env_edits(ctx, service), *file_edits(ctx, service))
    causes = (*asked, *_changes(ctx, service, container), *_lasting(ctx, service, container, edits))
    if causes:
        return Verdict(name, again, tuple(dict.fromkeys(causes)), edits=edits)
    return _by_state(ctx, service, container, edits)


def _sleep_notes(ctx: Context, service: DesiredService) -> tuple[str, ...]:
    if service.name in ctx.held:
        running = " but it runs" if ctx.runs(service.name) else ""
        return (
            f"{service.name} is stopped on purpose{running}; `opsctl start {service.name}` lets it run again",
        )
    return ()


def _changes(ctx: Context, service: DesiredService, container: ObservedContainer) -> Iterator[str]:
    """Differences between what the container was made of and what is desired."""
    labels = container.labels
    print_ = ctx.fingerprints[service.name]
    if DEFINITION_LABEL not in labels:
        yield "not made by opsctl yet"
        return
    if len(ctx.containers[service.name]) > 1:
        yield f"{len(ctx.containers[service.name])} containers where one is wanted"
    directory = labels.get(WORKING_DIR_LABEL, ctx.desired.directory)
    if directory != ctx.desired.directory:
        yield f"directory {directory} -> {ctx.desired.directory}"
    yield from _image_changes(ctx, service, container)
    if labels.get(DEFINITION_LABEL) != print_.definition:
        yield from _definition_changes(ctx, service, container)
    if labels.get(ENV_LABEL) != print_.env:
        yield (
            _sentence("env", env_changes(ctx, service, container))
            or "env (put on the host before, not applied yet)"
        )
    if labels.get(FILES_LABEL) != print_.files:
        yield _file_changes(ctx, service)
    yield from _attachment(ctx, service, container)


def _image_changes(ctx: Context, service: DesiredService, container: ObservedContainer) -> Iterator[str]:
    # The engine lists a container by its image's id once the tag names another image (moby daemon/list.go, 20.10).
    moved = container.image.startswith("sha256:")
    before = ctx.present("services").get(service.name) or {}
    was = str(before.get("image", service.image)) if moved else container.image
    if was != service.image:
        yield f"image {was} -> {service.image}"
        return
    local = image_id(ctx.observed.images, service.image)
    if local and container.image_id and local != container.image_id:
        yield f"image {service.image} is another one now"


def _definition_changes(ctx: Context, service: DesiredService, container: ObservedContainer) -> Iterator[str]:
    before = ctx.present("services").get(service.name)
    after = ctx.rendered["services"][service.name]
    networks = [name for name in service.networks if network_changed(ctx, name)]
    yield from (f"network {name} changed" for name in networks)
    differing = _differing(before, after) if isinstance(before, Mapping) else []
    keys = [key for key in differing if key not in WITHOUT_EFFECT | _SAID_OTHERWISE]
    elsewhere = networks or container.image != service.image or "env_file" in differing
    if keys:
        yield "definition: " + ", ".join(keys)
    elif not elsewhere:
        yield "definition (put on the host before, not applied yet)"


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    def plain(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: item for key, item in value.items() if not str(key).startswith("opsctl.")}

    keys = sorted({*before, *after})
    return [key for key in keys if plain(before.get(key) or None) != plain(after.get(key) or None)]


def network_changed(ctx: Context, name: str) -> bool:
    """Whether a network exists under another definition than the desired one; external ones are not ours."""
    definition = ctx.desired.networks.get(name)
    found = ctx.observed.networks.get(ctx.engine_name("network", name))
    if definition is None or found is None or definition.get("external"):
        return False
    return found.labels.get(NETWORK_HASH_LABEL) != network_hash(definition)


def env_changes(ctx: Context, service: DesiredService, container: ObservedContainer) -> list[str]:
    """Keys whose value inside the container is not the desired one, each with what happened to it."""
    if container.inspected is None:
        return []
    actual = container.inspected.env
    inherited = ctx.observed.image_env.get(container.image_id, {})
    changes = [
        f"{key} {'changed' if key in actual else 'added'}"
        for key, value in service.env.items()
        if actual.get(key) != value
    ]
    changes += [
        f"{key} removed"
        for key, value in actual.items()
        if key not in service.env and key not in _ENGINE_ENV and inherited.get(key) != value
    ]
    return sorted(changes)


def _sentence(topic: str, entries: list[str]) -> str:
    return f"{topic}: {', '.join(entries)}" if entries else ""


def _file_changes(ctx: Context, service: DesiredService) -> str:
    targets = [
        file.target
        for file in service.files
        if file.reaction.kind == "recreate" and ctx.file_differs(file.path, file.content)
    ]
    return f"file {', '.join(targets)}" if targets else "files (put on the host before, not applied yet)"


def _attachment(ctx: Context, service: DesiredService, container: ObservedContainer) -> Iterator[str]:
    if container.state != "running":
        return
    for name in service.networks:
        if ctx.engine_name("network", name) not in container.networks and not network_changed(ctx, name):
            yield f"not attached to network {name}"


def env_edits(ctx: Context, service: DesiredService) -> list[str]:
    """Says that the env file on the host is neither the rendered one nor awaiting a change of ours."""
    content = ctx.desired.env_files.get(service.name)
    container = ctx.container(service.name)
    found = ctx.observed.files.get(service.env_path)
    if (
        content is None
        or container is None
        or found is None
        or not ctx.file_differs(service.env_path, content)
    ):
        return []
    if container.labels.get(ENV_LABEL) != ctx.fingerprints[service.name].env:
        return []
    return [service.env_path]


def file_edits(ctx: Context, service: DesiredService) -> list[str]:
    """Mounted files that were edited on the host; only those in files-hash can be told from a change of ours."""
    container = ctx.container(service.name)
    if container is None or container.labels.get(FILES_LABEL) != ctx.fingerprints[service.name].files:
        return []
    return [
        file.path
        for file in service.files
        if file.reaction.kind == "recreate"
        and file.path in ctx.observed.files
        and ctx.file_differs(file.path, file.content)
    ]


def _lasting(
    ctx: Context, service: DesiredService, container: ObservedContainer, edits: tuple[str, ...]
) -> Iterator[str]:
    """Edits by hand that have already reached the container, so that putting the file back is not enough."""
    owed_at = ctx.observed.owed_at.get((service.name, "recreate"))
    if owed_at is not None and container.created < owed_at:
        yield "edited on the host (put back before, not applied yet)"
    if service.env_path in edits:
        changes = env_changes(ctx, service, container)
        keys = ", ".join(change.rpartition(" ")[0] for change in changes)
        if container.inspected is None:
            yield f"{service.env_path} edited on the host (could not look inside the container)"
        elif changes:
            yield f"env: {keys} edited on the host"
    inner = {one.target: one for one in ctx.observed.inner if one.service == service.name}
    for file in service.files:
        if file.path not in edits:
            continue
        seen = inner.get(file.target)
        if seen is None or seen.sha256 is None:
            yield f"file {file.target} edited on the host (could not look inside the container)"
        elif seen.sha256 != hashlib.sha256(file.content).hexdigest():
            yield f"file {file.target} edited on the host"


def _by_state(
    ctx: Context, service: DesiredService, container: ObservedContainer, edits: tuple[str, ...]
) -> Verdict:
    name = service.name
    if service.kind == "job":
        return _job_by_state(service, container, edits)
    if container.state == "dead":
        return Verdict(name, "recreate", ("its container is dead",), edits)
    if container.state in {"exited", "created"}:
        return Verdict(name, "start", (ended(container),), edits)
    troubles = {
        "restarting": "restarting over and over",
        "paused": "paused",
    }
    trouble = troubles.get(container.state) or ("unhealthy" if container.health == "unhealthy" else "")
    if not trouble:
        return Verdict(name, "none", edits=edits)
    if ctx.request.heal and trouble != "paused":
        return Verdict(name, "restart", (trouble,), edits)
    return Verdict(name, "none", edits=edits, notes=(f"{name} is {trouble}; `opsctl why {name}` tells more",))


def _job_by_state(service: DesiredService, container: ObservedContainer, edits: tuple[str, ...]) -> Verdict:
    if container.state in {"running", "restarting"}:
        return Verdict(service.name, "none", edits=edits, notes=(f"job {service.name} is still running",))
    if container.state == "exited" and container.exit_code == 0:
        return Verdict(service.name, "none", edits=edits)
    return Verdict(service.name, "run", (ended(container),), edits)


def ended(container: ObservedContainer) -> str:
    """In words why a container does not run, e.g. "exited 137 (OOM)"."""
    if container.state == "created":
        return "created but never started"
    code = container.exit_code if container.exit_code is not None else -1
    inspected = container.inspected
    return f"exited {code} (OOM)" if inspected and inspected.oom_killed else f"exited {code}"
