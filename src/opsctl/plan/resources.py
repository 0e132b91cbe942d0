"""Networks, volumes and what is not ours: what must be replaced, what is made, what forbids the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.plan.causes import network_changed
from opsctl.plan.context import Context
from opsctl.plan.steps import ReplaceNetwork
from opsctl.state.desired import DesiredPort, DesiredService
from opsctl.state.observed import PROJECT_LABEL, ObservedContainer, ObservedVolume, PublishedPort

_EVERYWHERE = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104  # compared with, never bound


def changed_networks(ctx: Context) -> dict[str, ReplaceNetwork]:
    """The networks of the file whose definition is another one on the host, with all that goes down with each."""
    steps = {}
    for name in ctx.desired.networks:
        if not network_changed(ctx, name):
            continue
        engine_name = ctx.engine_name("network", name)
        attached = [one for one in ctx.observed.containers if engine_name in one.networks and _ours(ctx, one)]
        steps[name] = ReplaceNetwork(
            network=engine_name,
            services=tuple(sorted({one.service for one in attached if one.state == "running"})),
            containers=tuple(sorted(one.id for one in attached)),
            causes=("its definition changed",),
        )
    return steps


def creations(ctx: Context, services: Mapping[str, DesiredService]) -> tuple[str, ...]:
    """Networks and volumes that Compose will make for these services."""
    networks = {
        ctx.engine_name("network", name)
        for one in services.values()
        for name in one.networks
        if not _is_external(ctx.desired.networks, name)
    }
    volumes = {
        ctx.engine_name("volume", name)
        for one in services.values()
        for name in one.volumes
        if not _is_external(ctx.desired.volumes, name)
    }
    return (
        *(f"network {name}" for name in sorted(networks - set(ctx.observed.networks))),
        *(f"volume {name}" for name in sorted(volumes - set(ctx.observed.volumes))),
    )


def _is_external(definitions: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    return bool((definitions.get(name) or {}).get("external"))


def refusals(
    ctx: Context, touched: Mapping[str, DesiredService], replaced: Mapping[str, ReplaceNetwork]
) -> Iterator[str]:
    """All that forbids touching these services; each says what and how to go on."""
    yield from _volumes(ctx, touched)
    yield from _networks(ctx, touched, replaced)
    others = [
        one
        for one in ctx.observed.containers
        if not _ours(ctx, one) or (one.service not in ctx.desired.services and not one.oneoff)
    ]
    for service in touched.values():
        for other in others:
            yield from _clashes(ctx, service, other)
    yield from _moved_project(ctx)


def _ours(ctx: Context, container: ObservedContainer) -> bool:
    return container.project == ctx.desired.project


def _volumes(ctx: Context, touched: Mapping[str, DesiredService]) -> Iterator[str]:
    """A narrowed plan keeps the definitions that are on the host, so that only volumes which it uses matter to it."""
    used = {name for service in touched.values() for name in service.volumes}
    for name, definition in ctx.desired.volumes.items():
        if ctx.request.services is not None and name not in used:
            continue
        engine_name = ctx.engine_name("volume", name)
        found = ctx.observed.volumes.get(engine_name)
        if (definition or {}).get("external"):
            if found is None and _used(ctx, name):
                yield f"external volume {engine_name} does not exist on the host; create it or remove `external: true`"
        elif found is not None:
            yield from _volume_difference(ctx, engine_name, definition or {}, found)


def _used(ctx: Context, volume: str) -> bool:
    return any(volume in service.volumes for service in ctx.desired.services.values())


def _volume_difference(
    ctx: Context, name: str, definition: Mapping[str, Any], found: ObservedVolume
) -> Iterator[str]:
    owner = found.labels.get(PROJECT_LABEL, "")
    if owner and owner != ctx.desired.project:
        yield f"volume {name} belongs to the project {owner}; say `external: true` to use it, or give another `name:`"
    driver = definition.get("driver") or "local"
    options = {str(key): str(value) for key, value in (definition.get("driver_opts") or {}).items()}
    differing = [
        f"{what} {was} -> {now}"
        for what, was, now in (("driver", found.driver, driver), ("options", dict(found.options), options))
        if was != now
    ]
    if differing:
        yield (
            f"volume {name} would be replaced by an empty one ({', '.join(differing)}): its data would be lost; "
            "copy the data to a volume of another name, or put the definition back"
        )


def _networks(
    ctx: Context, touched: Mapping[str, DesiredService], replaced: Mapping[str, ReplaceNetwork]
) -> Iterator[str]:
    for step in replaced.values():
        for other in ctx.observed.containers:
            if step.network not in other.networks:
                continue
            if not _ours(ctx, other):
                yield (
                    f"network {step.network} must be replaced, but the foreign container {other.name} is attached to it; "
                    f"`docker network disconnect {step.network} {other.name}` first"
                )
            elif other.service not in ctx.desired.services:
                yield (
                    f"network {step.network} must be replaced, but the stray container {other.name} is attached to it; "
                    f"`docker rm -f {other.name}` first"
                )
    used = {name for service in touched.values() for name in service.networks}
    for name in sorted(used):
        external = (ctx.desired.networks.get(name) or {}).get("external")
        engine_name = ctx.engine_name("network", name)
        if external and engine_name not in ctx.observed.networks:
            yield f"external network {engine_name} does not exist on the host; `docker network create {engine_name}`"


def _clashes(ctx: Context, service: DesiredService, other: ObservedContainer) -> Iterator[str]:
    stray = _ours(ctx, other)
    whose = f"the {'stray' if stray else 'foreign'} container {other.name}"
    removal = f"`docker rm -f {other.name}` first"
    name = service.container_name or f"{ctx.desired.project}-{service.name}-1"
    if other.name == name:
        yield f"{service.name}: {whose} has its name; {removal if stray else 'remove or rename it'}"
    if other.state not in {"running", "restarting", "paused"}:
        return
    for port in service.ports:
        if any(_overlaps(port, held) for held in other.ports):
            where = f"{port.address or '*'}:{port.published}/{port.protocol}"
            way_out = removal if stray else "stop it or change the port"
            yield f"{service.name}: port {where} is held by {whose}; {way_out}"
    if ctx.container(service.name) is None:
        sources = {mount.source for mount in other.mounts}
        for path in sorted(data_paths(ctx, service) & sources):
            yield f"{service.name}: its data {path} is in use by {whose}; {removal if stray else 'stop that first'}"


def _overlaps(wanted: DesiredPort, held: PublishedPort) -> bool:
    if (wanted.published, wanted.protocol) != (held.published, held.protocol):
        return False
    return wanted.address == held.address or wanted.address in _EVERYWHERE or held.address in _EVERYWHERE


def data_paths(ctx: Context, service: DesiredService) -> frozenset[str]:
    """Host folders and volumes that the service writes to: the engine's names of volumes, absolute paths of binds.

    Sockets are shared on purpose and left out.
    """
    found = {ctx.engine_name("volume", name) for name in service.volumes}
    for entry in service.definition.get("volumes") or []:
        if isinstance(entry, Mapping):
            source, read_only = str(entry.get("source", "")), bool(entry.get("read_only"))
        else:
            parts = str(entry).split(":")
            source, read_only = parts[0], "ro" in parts[-1].split(",")
        if source.startswith("/") and not read_only and not source.endswith(".sock"):
            found.add(source)
    return frozenset(found)


def _moved_project(ctx: Context) -> Iterator[str]:
    """A Compose project of the same name that opsctl never made and that lives elsewhere."""
    for name, containers in sorted(ctx.containers.items()):
        for one in containers:
            directory = one.labels.get("com.docker.compose.project.working_dir", ctx.desired.directory)
            if directory != ctx.desired.directory and not any(
                label.startswith("opsctl.") for label in one.labels
            ):
                yield (
                    f"{name}: a Compose project {ctx.desired.project} already runs from {directory}; set `directory` to that, "
                    "or `docker compose down` it there, or choose another project name"
                )
