"""One look at a host: one exec for the files beside one channel to the engine for the containers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from opsctl.argv import look as argv
from opsctl.argv.seen import Seen, read_inner, read_look
from opsctl.edges.ports import Connection, Engine
from opsctl.errors import CouldNotFindOut
from opsctl.flows import engine_json
from opsctl.flows.inspection import inner_wanted, needs_inspection
from opsctl.state.desired import DesiredHost
from opsctl.state.observed import InnerFile, Observed, ObservedContainer

_KEY = re.compile(r"[0-9a-f]{64}")


def look(connection: Connection, desired: DesiredHost, *, inspect_all: bool = False) -> Observed:
    """What runs and lies on the host now. `inspect_all` inspects every container of the project (status, why).

    Raises ConnectFailed, EngineUnavailable, and CouldNotFindOut where the files cannot be read.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"look-{desired.name}") as beside:
        seeing = beside.submit(_look_at_files, connection, desired)
        lists = _look_at_engine(connection.engine)
        seen = seeing.result()
    key = fingerprint_key(seen.key, desired.name)
    wanted = needs_inspection(desired, lists.containers, key, seen.files)
    if inspect_all:
        wanted = tuple(one.id for one in lists.containers if one.project == desired.project)
    containers = _inspected(connection.engine, lists.containers, wanted)
    return Observed(
        host=desired.name,
        key=key,
        compose=seen.compose,
        files=seen.files,
        merged=seen.merged,
        merge_records=seen.merge_records,
        containers=containers,
        networks=engine_json.networks(lists.networks),
        volumes=engine_json.volumes(lists.volumes),
        images=engine_json.images(lists.images),
        built=engine_json.built(lists.images),
        image_env=_image_env(connection.engine, containers),
        inner=_look_inside(connection, desired, containers, key, seen),
        owed=frozenset(seen.owed),
        owed_at=seen.owed,
        held=seen.held,
        rotating=seen.rotating,
        ensured=seen.ensured,
        resources=seen.resources,
        now=seen.now,
    )


def fingerprint_key(text: str | None, host: str) -> bytes | None:
    """The key's bytes from its file. Raises CouldNotFindOut where the file holds something else."""
    if not text:
        return None
    if not _KEY.fullmatch(text):
        raise CouldNotFindOut(
            ".opsctl/fingerprint.key does not hold 64 hexadecimal digits",
            where=host,
            hint="put it back from a copy, or remove it: the next deploy then makes a new one and recreates every service",
        )
    return bytes.fromhex(text)


def _look_at_files(connection: Connection, desired: DesiredHost) -> Seen:
    merged = sorted(merge.path for service in desired.services.values() for merge in service.merges)
    command = argv.look(desired.directory, _digests(desired), merged)
    completed = connection.shell.run(command)
    try:
        if completed.ok:
            return read_look(completed.stdout)
    except ValueError as error:
        raise CouldNotFindOut(str(error), where=desired.name, evidence=completed.last_lines()) from error
    hint = f"set `sudo.files` of {desired.name} in hosts.toml, or give the folder to the login user"
    raise CouldNotFindOut(
        f"the look at {desired.directory} failed (exit {completed.code})",
        where=desired.name,
        evidence=completed.last_lines(),
        hint=hint if completed.code == argv.UNREADABLE else "",
    )


def _digests(desired: DesiredHost) -> dict[str, str]:
    contents = {service.env_path: desired.env_files.get(name) for name, service in desired.services.items()}
    contents |= {file.path: file.content for service in desired.services.values() for file in service.files}
    contents |= desired.own_files
    return {
        path: hashlib.sha256(content).hexdigest() for path, content in contents.items() if content is not None
    }


@dataclass(frozen=True, slots=True)
class _Lists:
    containers: tuple[ObservedContainer, ...]
    networks: list[Mapping[str, Any]]
    volumes: Mapping[str, Any]
    images: list[Mapping[str, Any]]


def _look_at_engine(engine: Engine) -> _Lists:
    return _Lists(
        containers=engine_json.containers(engine.get("/containers/json", {"all": "1"})),
        networks=engine.get("/networks"),
        volumes=engine.get("/volumes"),
        images=engine.get("/images/json"),
    )


def _inspected(
    engine: Engine, containers: tuple[ObservedContainer, ...], wanted: Collection[str]
) -> tuple[ObservedContainer, ...]:
    """The same containers, those wanted with their inspection; one that vanished meanwhile is left out."""
    found = []
    for one in containers:
        body = engine.get(f"/containers/{one.id}/json") if one.id in wanted else {}
        if body:
            found.append(
                replace(one, inspected=engine_json.inspected(body), created=engine_json.created(body))
            )
        elif body is not None:
            found.append(one)
    return tuple(found)


def _image_env(engine: Engine, containers: tuple[ObservedContainer, ...]) -> dict[str, dict[str, str]]:
    ids = sorted({one.image_id for one in containers if one.inspected and one.image_id})
    bodies = {image: engine.get(f"/images/{image}/json") for image in ids}
    return {image: engine_json.environment(body) for image, body in bodies.items() if body}


def _look_inside(
    connection: Connection,
    desired: DesiredHost,
    containers: tuple[ObservedContainer, ...],
    key: bytes | None,
    seen: Seen,
) -> tuple[InnerFile, ...]:
    wanted = inner_wanted(desired, containers, key, seen.files)
    return read_inner(connection.shell.run(argv.inner_files(wanted)).stdout) if wanted else ()
