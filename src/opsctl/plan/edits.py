"""Changes made by hand on the host: which files they are in, and whether they have reached the container."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from opsctl.plan.causes import differing, env_changes
from opsctl.plan.context import Context
from opsctl.state.desired import DesiredService
from opsctl.state.fingerprint import DEFINITION_LABEL, ENV_LABEL, FILES_LABEL, WITHOUT_EFFECT
from opsctl.state.observed import ObservedContainer


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


def merge_edits(ctx: Context, service: DesiredService) -> list[str]:
    """Merged files in which owned keys were edited since the last deploy."""
    return [one.merge.path for one in ctx.merges.get(service.name, ()) if one.edited]


def definition_edits(ctx: Context, service: DesiredService) -> list[str]:
    """The keys of a service that were edited in the host's compose.yml: it bears the label of other ones."""
    before = {} if ctx.as_rendered else ctx.present("services").get(service.name)
    if not isinstance(before, Mapping) or not isinstance(labels := before.get("labels"), Mapping):
        return []
    if labels.get(DEFINITION_LABEL) != ctx.fingerprints[service.name].definition:
        return []
    keys = differing(before, ctx.rendered["services"][service.name])
    return [key for key in keys if key not in WITHOUT_EFFECT]


def lasting(
    ctx: Context, service: DesiredService, container: ObservedContainer, edits: tuple[str, ...]
) -> Iterator[str]:
    """Edits by hand that have already reached the container, so that putting the file back is not enough."""
    owed_at = ctx.observed.owed_at.get((service.name, "recreate"))
    if owed_at is not None and container.created < owed_at:
        yield "edited on the host (put back before, not applied yet)"
    # The image is the container's own to tell. Of other keys nothing tells whether they have reached it, so it is made
    # anew; but a job would do its work once more.
    edited = [key for key in definition_edits(ctx, service) if key != "image"]
    if edited and service.kind != "job":
        yield f"definition: {', '.join(edited)} edited on the host"
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
    for one in ctx.merges.get(service.name, ()):
        # Whether the program has read the edit nobody can tell, and behind a single-file mount it would stay.
        if one.edited and one.merge.reaction.kind == "recreate":
            yield f"{one.merge.path}: {one.why}"
