"""What differs between the container of a service and what is desired, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.model.references import brief, familiar, parse_reference
from opsctl.plan.context import Context
from opsctl.state.desired import DesiredService
from opsctl.state.fingerprint import (
    DEFINITION_LABEL,
    ENV_LABEL,
    FILES_LABEL,
    NETWORK_HASH_LABEL,
    WITHOUT_EFFECT,
    network_hash,
)
from opsctl.state.local_images import image_id
from opsctl.state.observed import WORKING_DIR_LABEL, ObservedContainer

# A changed image has a cause of its own; env_file comes and goes with the first and last key of env.
_SAID_OTHERWISE = frozenset({"image", "env_file"})

# The engine adds PATH to every container's environment where the image sets none (moby daemon/oci_linux.go).
_ENGINE_ENV = frozenset({"PATH"})


def changes(ctx: Context, service: DesiredService, container: ObservedContainer) -> Iterator[str]:
    """Differences between what the container was made of and what is desired."""
    labels = container.labels
    if DEFINITION_LABEL not in labels:
        yield "not made by opsctl yet"
        return
    if len(ctx.containers[service.name]) > 1:
        yield f"{len(ctx.containers[service.name])} containers where one is wanted"
    directory = labels.get(WORKING_DIR_LABEL, ctx.desired.directory)
    moved = directory != ctx.desired.directory
    if moved:
        yield f"directory {directory} -> {ctx.desired.directory}"
    yield from _image_changes(ctx, service, container)
    if ctx.observed.key is None:
        yield from _without_key(ctx, service, container, moved=moved)
    else:
        yield from _by_labels(ctx, service, container)
    yield from _attachment(ctx, service, container)


def _without_key(
    ctx: Context, service: DesiredService, container: ObservedContainer, *, moved: bool
) -> Iterator[str]:
    """Labels tell nothing without the key that made them; a folder that is new has none yet."""
    if not moved:
        yield ".opsctl/fingerprint.key is gone from the host, so that nothing tells what it was made from"
    if found := env_changes(ctx, service, container):
        yield _sentence("env", found)


def _by_labels(ctx: Context, service: DesiredService, container: ObservedContainer) -> Iterator[str]:
    labels, print_ = container.labels, ctx.fingerprints[service.name]
    if labels.get(DEFINITION_LABEL) != print_.definition:
        yield from _definition_changes(ctx, service, container)
    if labels.get(ENV_LABEL) != print_.env:
        yield (
            _sentence("env", env_changes(ctx, service, container))
            or "env (put on the host before, not applied yet)"
        )
    if labels.get(FILES_LABEL) != print_.files:
        yield from _file_changes(ctx, service) or ["files (put on the host before, not applied yet)"]


def _image_changes(ctx: Context, service: DesiredService, container: ObservedContainer) -> Iterator[str]:
    # The engine lists a container by its image's id once the tag names another image (moby daemon/list.go, 20.10).
    was = container.image
    if was.startswith("sha256:"):
        before = ctx.present("services").get(service.name) or {}
        was = str(before.get("image", service.image))
    if was != service.image:
        yield _new_image(ctx, service, container, was)
        return
    local = image_id(ctx.observed.images, service.image)
    if local and container.image_id and local != container.image_id:
        yield f"image {service.image} is another one now"


def _new_image(ctx: Context, service: DesiredService, container: ObservedContainer, was: str) -> str:
    """The text of the image is in the hash that Compose compares: a digest put beside it makes the container anew, even
    where it is the image that runs (compose-traps 12).
    """
    change = f"image {brief(was)} -> {brief(service.image)}"
    if image_id(ctx.observed.images, service.image) != container.image_id or not container.image_id:
        return change
    if service.digest and "@" not in was and familiar(was) == parse_reference(service.image).key:
        return f"image {was} pinned to {brief(service.digest)}: the same bits under another name"
    return f"{change} (the same bits)"


def _definition_changes(ctx: Context, service: DesiredService, container: ObservedContainer) -> Iterator[str]:
    before = ctx.present("services").get(service.name)
    after = ctx.rendered["services"][service.name]
    networks = [name for name in service.networks if network_changed(ctx, name)]
    yield from (f"network {name} changed" for name in networks)
    changed = differing(before, after) if isinstance(before, Mapping) else []
    keys = [key for key in changed if key not in WITHOUT_EFFECT | _SAID_OTHERWISE]
    elsewhere = networks or container.image != service.image or "env_file" in changed
    if keys:
        yield "definition: " + ", ".join(keys)
    elif not elsewhere:
        yield "definition (put on the host before, not applied yet)"


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The keys in which two mappings of a service differ; opsctl's own labels do not count."""

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


def _file_changes(ctx: Context, service: DesiredService) -> list[str]:
    targets = [
        file.target
        for file in service.files
        if file.reaction.kind == "recreate"
        and (ctx.file_differs(file.path, file.content) or ctx.observed.files[file.path].mode != file.mode)
    ]
    merged = [
        f"{one.merge.path}: {one.why}"
        for one in ctx.merges.get(service.name, ())
        if one.merge.reaction.kind == "recreate" and one.why and not one.edited
    ]
    return [*([f"file {', '.join(targets)}"] if targets else []), *merged]


def _attachment(ctx: Context, service: DesiredService, container: ObservedContainer) -> Iterator[str]:
    if container.state != "running":
        return
    for name in service.networks:
        if ctx.engine_name("network", name) not in container.networks and not network_changed(ctx, name):
            yield f"not attached to network {name}"
