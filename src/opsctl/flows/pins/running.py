"""Locking what runs: the digests that an engine knows of images that are healthy there now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from opsctl.edges.ports import Engine, Registry
from opsctl.errors import CouldNotFindOut, NotInRegistry, OpsctlError, Refused
from opsctl.flows import engine_json
from opsctl.images.resolved import Resolved
from opsctl.images.wanted import Wanted
from opsctl.model.references import Reference, familiar, parse_reference
from opsctl.model.values import Unfit
from opsctl.state.observed import ObservedContainer

_INDEXES = ("application/vnd.oci.image.index", "application/vnd.docker.distribution.manifest.list")


def running(
    images: Sequence[Wanted],
    project: str,
    engines: Mapping[str, Callable[[], Engine]],
    registry: Registry,
    *,
    named: bool = False,
) -> dict[str, Resolved | OpsctlError]:
    """What of each image runs, and is healthy, on the hosts whose engines are given.

    Images that no service of these hosts names are left out, and those that nothing runs unless they were `named`. An image
    that runs with different digests, under another tag, or without a digest, is an error of its own. The registry is asked
    which of several digests is the index, and for the platforms; where it does not answer, one digest alone counts, with
    nothing else known of it.
    """
    seen: dict[str, list[ObservedContainer]] = {}
    listed: dict[str, Sequence[Mapping[str, object]]] = {}
    troubles: dict[str, OpsctlError] = {}
    for host, engine_of in engines.items():
        try:
            engine = engine_of()
            found = engine_json.containers(engine.get("/containers/json", {"all": "1"}))
            listed[host] = engine.get("/images/json") or []
        except OpsctlError as error:
            troubles[host] = error
            continue
        seen[host] = [one for one in found if one.project == project and not one.oneoff]
    answers: dict[str, Resolved | OpsctlError] = {}
    for image in images:
        hosts = sorted({use.host for use in image.uses if use.kind == "service" and use.host in engines})
        failed = next((troubles[host] for host in hosts if host in troubles), None)
        answer = failed or _told(image, hosts, seen, listed, registry)
        if answer or named:
            answers[image.key] = answer or Refused(
                f"nothing runs it on {', '.join(engines)}",
                where=image.key,
                hint="opsctl status shows what runs",
            )
    return answers


def _told(
    image: Wanted,
    hosts: Sequence[str],
    seen: Mapping[str, Sequence[ObservedContainer]],
    listed: Mapping[str, Sequence[Mapping[str, object]]],
    registry: Registry,
) -> Resolved | OpsctlError | None:
    """None where no container has it."""
    sets: list[set[str]] = []
    try:
        for host in hosts:
            services = {use.service for use in image.uses if use.host == host and use.kind == "service"}
            ours = [one for one in seen[host] if one.service in services]
            # A job that has ended well says nothing against the image of what runs.
            ours = [one for one in ours if not _has_ended_well(one)] or ours
            sets += [_digests(image, host, one, listed[host]) for one in ours]
    except OpsctlError as error:
        return error
    if not sets:
        return None
    common = set.intersection(*sets)
    if not common:
        return Refused(
            "it runs with different digests: "
            + ", ".join(sorted({digest[:19] + "…" for one in sets for digest in one})),
            where=image.key,
            hint="name one host, or bring both to one state first",
        )
    return _index_of(image, common, registry)


def _has_ended_well(container: ObservedContainer) -> bool:
    return container.state == "exited" and container.exit_code == 0


def _digests(
    image: Wanted, host: str, container: ObservedContainer, listed: Sequence[Mapping[str, object]]
) -> set[str]:
    """The digests that the engine has for a container's image in this repository. Raises Refused."""
    where = f"{image.key} on {host}"
    name = container.service
    if container.state != "running" or container.health not in {"", "healthy"}:
        what = container.health if container.state == "running" else container.state
        raise Refused(f"{name} is {what}", where=where, hint="only what runs and is healthy is locked")
    if (pushed := _pushed_digits(container.image, image)) is not None:
        raise Refused(
            f"{name} runs what was pushed there as sha256:{pushed}…, and the engine knows no digest of it",
            where=where,
            hint="images = push: lock it from a registry (opsctl pin-images), or from a host that pulls",
        )
    if _tag_of(container.image) not in {"", image.key}:
        raise Refused(
            f"{name} runs {familiar(container.image)}, and the files say {image.key}",
            where=where,
            hint="deploy first, or take the tag that runs into the files",
        )
    prefix = f"{image.reference.familiar_name}@"
    entry = next((one for one in listed if one.get("Id") == container.image_id), {})
    repo_digests = entry.get("RepoDigests")
    known = [str(one) for one in repo_digests] if isinstance(repo_digests, list) else []
    found = {one.removeprefix(prefix) for one in known if one.startswith(prefix)}
    if not found:
        raise Refused(
            f"the engine knows no digest for the image of {name}: it was built or loaded there, not pulled",
            where=where,
            hint="push it to a registry and pull it from there",
        )
    return found


def _pushed_digits(image: str, wanted: Wanted) -> str | None:
    """The digits of the digest in the name under which `push-images` left an image; None where it is no such name."""
    head, mark, digits = image.rpartition("-sha256-")
    return digits if mark and _tag_of(head) == wanted.key else None


def _tag_of(image: str) -> str:
    """What the lock would call the image that a container was made with; "" where only an id or a digest is known."""
    if image.startswith("sha256:"):
        return ""
    try:
        read = parse_reference(image)
    except Unfit:
        return ""
    return read.key if read.tag or not read.digest else ""


def _index_of(image: Wanted, digests: set[str], registry: Registry) -> Resolved | OpsctlError:
    """After a pull by tag an engine can list the digest of the index and that of its own platform's manifest; and several
    indexes, where they differ in other platforms alone: then the one that the tag names now.
    """
    answers = {digest: _asked(registry, image.tagged.pinned(digest)) for digest in sorted(digests)}
    told = [one for one in answers.values() if isinstance(one, Resolved)]
    failed = [one for one in answers.values() if isinstance(one, OpsctlError)]
    indexes = [one for one in told if one.media_type.startswith(_INDEXES)]
    if len(indexes) == 1:
        return indexes[0]
    if len(digests) == 1:
        return told[0] if told else Resolved(next(iter(digests)))
    # A digest that nobody could be asked about may be the index of the one that was told.
    if len(told) == 1 and all(isinstance(one, NotInRegistry) for one in failed):
        return told[0]
    now = _asked(registry, image.tagged)
    if isinstance(now, Resolved) and now.digest in digests:
        return now
    reason = f": {failed[-1].message}" if failed else ""
    return CouldNotFindOut(
        f"the engine lists {len(digests)} digests, and no registry tells which one it is{reason}",
        where=image.key,
        hint="ask again when the registry answers"
        if failed
        else "write one of them beside the tag in the file",
    )


def _asked(registry: Registry, image: Reference) -> Resolved | OpsctlError:
    try:
        return registry.resolve(image)
    except OpsctlError as error:
        return error
