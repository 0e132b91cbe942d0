"""Which images a host lacks, and which of the operator's engine they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.edges.ports import Engine
from opsctl.errors import OpsctlError, Refused, UsageError
from opsctl.images.pins import pushed_name
from opsctl.images.platforms import fits
from opsctl.model.nearest import nearest
from opsctl.model.references import Reference, brief, parse_reference
from opsctl.state.desired import DesiredHost

Action = Literal["there", "tag", "push", "refused"]
"""The host has it by that name; has it, but not by that name; lacks it; it cannot be pushed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One image of a host. `name` is what the host shall call it, `source` what the operator's engine is asked for."""

    name: str
    source: str
    reference: Reference
    digest: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """`id` and `size` (bytes, unpacked) are those of the operator's engine; `replaces` is the id of another image that the
    host calls so by now. `refusal` says why nothing can be pushed.
    """

    wanted: Wanted
    action: Action
    id: str = ""
    size: int = 0
    replaces: str = ""
    refusal: OpsctlError | None = None


@dataclass(frozen=True, slots=True)
class PushPlan:
    """`takes_pushed` is False for a host that pulls its images, and asks for them by digest."""

    host: str
    platform: str
    images: tuple[ImagePlan, ...]
    takes_pushed: bool = True

    @property
    def size(self) -> int:
        """Bytes to push, unpacked."""
        return sum(image.size for image in self.images if image.action == "push")


def wanted_images(host: DesiredHost, names: Sequence[str] = ()) -> tuple[Wanted, ...]:
    """The images of a host's services and files, sorted by name; of those, the ones that the names mean.

    A name is a service, `repository:tag`, a repository, or its last part. Raises UsageError for one that means none.
    """
    asked: list[tuple[str, str, str]] = []
    for service in host.services.values():
        if service.build is None:
            asked.append((service.asked_image or service.image, service.digest, service.name))
        asked += [
            (one.image, one.digest, service.name) for one in (service.build.bases if service.build else ())
        ]
        asked += [(one.image, one.digest, service.name) for one in service.mentions]
    found: dict[str, Wanted] = {}
    for image, digest, service_name in asked:
        one = _wanted(host, parse_reference(image), digest, service_name)
        known = found.setdefault(one.name, one)
        found[one.name] = Wanted(
            one.name,
            one.source,
            one.reference,
            digest,
            tuple(dict.fromkeys((*known.services, service_name))),
        )
    return _chosen([found[name] for name in sorted(found)], names, host.name)


def _wanted(host: DesiredHost, image: Reference, digest: str, service: str) -> Wanted:
    name = image.key if host.pulls or not digest else str(pushed_name(image, digest))
    source = f"{image.familiar_name}@{digest}" if digest else image.key
    return Wanted(name, source, image, digest, (service,))


def _chosen(images: Sequence[Wanted], names: Sequence[str], host: str) -> tuple[Wanted, ...]:
    meant = {image.name: _names(image) for image in images}
    for name in names:
        if not any(name in known for known in meant.values()):
            every = {one for known in meant.values() for one in known}
            raise UsageError(f"{host} has no service and no image {name}", hint=nearest(name, every))
    return tuple(image for image in images if not names or meant[image.name] & set(names))


def _names(image: Wanted) -> set[str]:
    reference = image.reference
    repository = reference.familiar_name
    return {
        *image.services,
        image.name,
        reference.key,
        str(reference),
        repository,
        repository.rpartition("/")[2],
    }


@dataclass(frozen=True, slots=True)
class Engines:
    """The operator's engine and the host's. `fetch` gets an image for the operator's engine first; it raises
    CommandFailed. None: what is not there is refused.
    """

    here: Engine
    there: Engine
    fetch: Callable[[Wanted], None] | None = None


def plan_pushes(host: DesiredHost, platform: str, images: Iterable[Wanted], engines: Engines) -> PushPlan:
    """Asks both engines; changes neither, but for what `fetch` gets. Raises EngineUnavailable, ConnectFailed."""
    plans = tuple(_plan(image, platform, engines, host.name) for image in images)
    pinned = any(one.wanted.digest for one in plans)
    return PushPlan(host.name, platform, plans, takes_pushed=not (host.pulls and pinned))


def _plan(wanted: Wanted, platform: str, engines: Engines, host: str) -> ImagePlan:
    refusal = _refusal(wanted, platform, engines.here, host)
    if refusal and engines.fetch:
        try:
            engines.fetch(wanted)
        except OpsctlError as error:
            return ImagePlan(wanted, "refused", refusal=error)
        refusal = _refusal(wanted, platform, engines.here, host)
    if refusal:
        return ImagePlan(wanted, "refused", refusal=refusal)
    local = _inspect(engines.here, wanted.source) or {}
    identity = str(local["Id"])
    named = str((_inspect(engines.there, wanted.name) or {}).get("Id", ""))
    action: Action = "there" if named == identity else "push"
    if action == "push" and _inspect(engines.there, identity):
        action = "tag"
    return ImagePlan(
        wanted,
        action,
        identity,
        int(local.get("Size", 0)),
        replaces=named if named != identity else "",
    )


def _refusal(wanted: Wanted, platform: str, here: Engine, host: str) -> Refused | None:
    local = _inspect(here, wanted.source)
    tagged = f"{wanted.reference.familiar_name}:{wanted.reference.tag or 'latest'}"
    full = f"{tagged}@{wanted.digest}" if wanted.digest else tagged
    hint = f"docker pull --platform {platform} {full}, or --pull"
    if wanted.reference.is_built_here:
        hint = f"build it here first: docker build --platform {platform} --tag {tagged} …"
    if local is None:
        return Refused(
            f"the engine of this machine has no {brief(wanted.source)}", where=wanted.name, hint=hint
        )
    offered = _platform(local)
    if not fits(platform, [offered]):
        message = f"the engine of this machine has it for {offered}, and {host} is {platform}"
        return Refused(message, where=wanted.name, hint=hint)
    return None


def _inspect(engine: Engine, image: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = engine.get(f"/images/{image}/json")
    return found


def _platform(local: Mapping[str, Any]) -> str:
    parts = (local.get("Os"), local.get("Architecture"), local.get("Variant"))
    return "/".join(str(part) for part in parts if part)
