"""Which images a digest pins: a tag may be another image tomorrow, a digest never is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsctl.images.pins import Pins
from opsctl.images.platforms import fits
from opsctl.model.fleet import Fleet
from opsctl.model.references import parse_reference
from opsctl.state.desired import DesiredHost, DesiredService


def unpinned(fleet: Fleet, environment: str, host: DesiredHost) -> Iterator[str]:
    """A sentence for each image without a digest that a host's services run or name; images that are built are pinned by
    what Dockerfiles build on, where each of those has one.
    """
    built = [
        one.name
        for one in host.services.values()
        if parse_reference(one.image).is_built_here and not one.build
    ]
    if built:
        yield from _loose_bases(fleet, built)
    for name in sorted(host.services):
        service = host.services[name]
        if not service.digest and not parse_reference(service.asked_image or service.image).is_built_here:
            yield _without_digest(service)
        for base in service.build.bases if service.build else ():
            if not base.digest:
                mend = f"opsctl pin-images {parse_reference(base.image).key}"
                yield f"{name}: {base.place} builds on {base.image} without a digest; {mend}"
        yield from _named(fleet, environment, host, service)


def unfit(fleet: Fleet, host: DesiredHost) -> Iterator[str]:
    """A sentence for each service whose locked image, or what that is built on, does not run on the host's platform, as far
    as the lock tells.
    """
    platform = fleet.host(host.name).platform
    for name, service in sorted(host.services.items()):
        images = [(service.asked_image or service.image, service.digest, service.image_place)]
        images += [
            (one.image, one.digest, one.place) for one in (service.build.bases if service.build else ())
        ]
        for image, digest, place in images:
            entry = fleet.lock.of(image)
            if entry and entry.digest == digest and entry.platforms and not fits(platform, entry.platforms):
                offered = ", ".join(entry.platforms)
                yield f"{name}: {image} ({place}) has no {platform}; it has {offered}"


def _loose_bases(fleet: Fleet, built: Sequence[str]) -> Iterator[str]:
    """Which Dockerfile an image is built of nobody knows here, so every one of them counts."""
    from opsctl.render.image_uses import dockerfile_uses

    pins = Pins(fleet.lock)
    for use in dockerfile_uses(fleet):
        read = use.reference
        if read is None or not (read.is_built_here or pins.digest(read)):
            mend = f"opsctl pin-images {use.key}" if read else "give the ARG a default"
            yield f"{', '.join(sorted(built))}: {use.place} builds on {use.image} without a digest; {mend}"


def _without_digest(service: DesiredService) -> str:
    from opsctl.images.floating import floating  # most deploys have nothing to refuse

    read = parse_reference(service.asked_image or service.image)
    reason = floating(read.known_tag, read.path)
    why = f" ({reason})" if reason else ""
    return (
        f"{service.name}: the image {service.asked_image or service.image}{why} in {service.image_place} has no digest, and "
        f"this environment requires pins; opsctl pin-images {service.name}"
    )


def _named(fleet: Fleet, environment: str, host: DesiredHost, service: DesiredService) -> Iterator[str]:
    from opsctl.render.image_uses import service_uses  # only where pins are required

    pinned = {mention.image for mention in service.mentions if mention.digest}
    for use in service_uses(fleet, environment, host, service):
        read = use.reference
        if (
            use.kind in {"service", "dockerfile"}
            or read is None
            or read.digest
            or read.is_built_here
            or use.image in pinned
        ):
            continue
        mend = (
            f"opsctl pin-images {use.key}"
            if use.kind == "mention"
            else f"write {{{{ image('{use.image}') }}}} there"
        )
        yield f"{service.name}: {use.place} names the image {use.image} without a digest; {mend}"
