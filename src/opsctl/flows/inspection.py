"""Which containers a look must inspect, and which mounted files it must read from the inside."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping

from opsctl.state.desired import DesiredHost, DesiredService
from opsctl.state.fingerprint import FILES_LABEL, Fingerprint, fingerprint
from opsctl.state.observed import ObservedContainer, ObservedFile


def needs_inspection(
    desired: DesiredHost,
    containers: Iterable[ObservedContainer],
    key: bytes | None,
    files: Mapping[str, ObservedFile],
) -> tuple[str, ...]:
    """Ids of the project's containers that a plan cannot judge by the engine's list alone.

    Those whose labels are not the desired ones, whose env file or files on the host are not the rendered ones, that
    do not run or are not healthy, and both ends of every `depends_on: {restart: true}`, whose times decide.
    """
    paired = _restart_pairs(desired)
    return tuple(
        one.id
        for one in containers
        if _is_ours(desired, one)
        and (
            one.service in paired
            or _looks_odd(one)
            or _differs(desired, desired.services[one.service], one, key, files)
        )
    )


def _is_ours(desired: DesiredHost, container: ObservedContainer) -> bool:
    return (
        container.project == desired.project
        and container.service in desired.services
        and not container.oneoff
    )


def _restart_pairs(desired: DesiredHost) -> Collection[str]:
    return {
        name
        for service in desired.services.values()
        for other, dependency in service.depends_on.items()
        if dependency.restart
        for name in (service.name, other)
    }


def _looks_odd(container: ObservedContainer) -> bool:
    return container.state != "running" or container.health not in {"", "healthy"}


def _differs(
    desired: DesiredHost,
    service: DesiredService,
    container: ObservedContainer,
    key: bytes | None,
    files: Mapping[str, ObservedFile],
) -> bool:
    if key is None or not _carries(container, fingerprint(desired, service, key)):
        return True
    env = desired.env_files.get(service.name)
    rendered = [(file.path, file.content) for file in service.files if file.reaction.kind == "recreate"]
    if env is not None:
        rendered.append((service.env_path, env))
    return any(not _same(files.get(path), content) for path, content in rendered)


def _carries(container: ObservedContainer, wanted: Fingerprint) -> bool:
    return all(container.labels.get(name) == value for name, value in wanted.labels().items())


def _same(found: ObservedFile | None, content: bytes) -> bool:
    return found is not None and found.sha256 == hashlib.sha256(content).hexdigest()


def inner_wanted(
    desired: DesiredHost,
    containers: Iterable[ObservedContainer],
    key: bytes | None,
    files: Mapping[str, ObservedFile],
) -> tuple[tuple[str, str, int, str], ...]:
    """Mounted files that were edited on the host although their container carries the desired label.

    (service, container id, process id, target) of each; the host's file does not tell what the container sees.
    """
    if key is None:
        return ()
    return tuple(
        (one.service, one.id, one.inspected.pid, file.target)
        for one in containers
        if _is_ours(desired, one) and one.state == "running" and one.inspected
        for service in (desired.services[one.service],)
        if one.labels.get(FILES_LABEL) == fingerprint(desired, service, key).files
        for file in service.files
        if file.reaction.kind == "recreate" and not _same(files.get(file.path), file.content)
    )
