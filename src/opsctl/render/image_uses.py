"""Every image that a rendered environment names, with its file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch

from opsctl.images.dockerfile import from_lines
from opsctl.images.mentioned import image_of_variable, images_in_file
from opsctl.images.pins import Pins
from opsctl.images.uses import ImageUse, Kind
from opsctl.model.fleet import Fleet, Place
from opsctl.render.problems import locate
from opsctl.state.desired import Base, Desired, DesiredFile, DesiredHost, DesiredService

_VARIABLE = re.compile(r"\bvars\.([A-Za-z_]\w*)|\bvars\[['\"]([^'\"]+)['\"]\]")
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_DOCKERFILES = (
    "Dockerfile",
    "Dockerfile.*",
    "*.Dockerfile",
    "*.dockerfile",
    "Containerfile",
    "Containerfile.*",
)


def image_uses(fleet: Fleet, desired: Desired) -> tuple[ImageUse, ...]:
    """Of one environment, in the order of hosts and services; Dockerfiles are `dockerfile_uses`."""
    return tuple(
        use
        for host in desired.hosts
        for service in host.services.values()
        for use in service_uses(fleet, desired.environment, host, service)
    )


def service_uses(
    fleet: Fleet, environment: str, host: DesiredHost, service: DesiredService
) -> Iterator[ImageUse]:
    """What a service runs, then what its texts and files name, each once."""
    platforms = (fleet.host(host.name).platform,)

    def use(image: str, place: Place, kind: Kind, source: Place | None = None) -> ImageUse:
        return ImageUse(
            image,
            place,
            kind,
            service=service.name,
            environment=environment,
            host=host.name,
            platforms=platforms,
            source=source,
        )

    for base in service.build.bases if service.build else ():
        yield use(base.image, _in_dockerfile(fleet, base), "dockerfile")
    image, place = service.asked_image or service.image, service.image_place
    if service.build is None:
        yield use(
            image, _in_template(fleet, place, image), "service", _source(fleet, environment, host, service)
        )
    for mention in service.mentions:
        yield use(mention.image, _in_template(fleet, mention.place, mention.image), "mention")
    named = _rendered_names(fleet, host, service)
    for found, at in _found(fleet, environment, service):
        if found not in named:
            yield use(found, at, "found")


def _rendered_names(fleet: Fleet, host: DesiredHost, service: DesiredService) -> set[str]:
    """What image() and `services.NAME.image` left in the texts of a service: those uses are known by what was written."""
    pins = Pins(fleet.lock, pushed=not host.pulls)
    mentioned = {name for one in service.mentions for name in (one.image, pins.of(one.image))}
    return mentioned | {one.image for one in host.services.values()}


def dockerfile_uses(fleet: Fleet, rendered: Iterable[Desired] = ()) -> Iterator[ImageUse]:
    """The images that Dockerfiles below templates/ build on, for every platform of the fleet. Those of services of
    `rendered` are left out: `image_uses` knows them with their arguments.
    """
    known = {
        service.build.source
        for desired in rendered
        for host in desired.hosts
        for service in host.services.values()
        if service.build
    }
    platforms = tuple(sorted({host.platform for host in fleet.hosts_file.hosts.values()}))
    for name, data in fleet.templates.items():
        if f"templates/{name}" not in known and any(
            fnmatch(name.rpartition("/")[2].removesuffix(".j2"), shape) for shape in _DOCKERFILES
        ):
            for found in from_lines(data.decode(errors="replace")):
                place = Place(f"templates/{name}", found.line)
                yield ImageUse(found.image, place, "dockerfile", platforms=platforms)


def _found(fleet: Fleet, environment: str, service: DesiredService) -> Iterator[tuple[str, Place]]:
    """References that look like images: in variables by their names, in files by their keys."""
    seen = set()
    for key, value in service.env.items():
        if image := image_of_variable(key, value):
            yield image, locate(fleet, environment, service.stack, "services", service.name, "env", key)
    for file in service.files:
        for line, image in _in_file(file):
            place = _in_template(fleet, file.origin, image, line)
            if (image, place) not in seen:
                seen.add((image, place))
                yield image, place


def _in_file(file: DesiredFile) -> Iterable[tuple[int, str]]:
    try:
        return images_in_file(file.content.decode())
    except UnicodeDecodeError:
        return ()


def _in_template(fleet: Fleet, place: Place, image: str, rendered: int = 0) -> Place:
    """The line of a template that holds an image: rendering moves lines, so the text is looked for.

    Where an expression makes it, the line with its tag; else the line of what was rendered, where the template has as many.
    """
    name = place.file.removeprefix("templates/")
    if place.line or name == place.file or name not in fleet.templates:
        return place
    lines = fleet.templates[name].decode(errors="replace").splitlines()
    tag = image.rpartition("/")[2].partition(":")[2].partition("@")[0]
    for needle in filter(None, (image, f":{tag}" if tag else "", image.partition(":")[0])):
        for number, line in enumerate(lines, start=1):
            if needle in line:
                return Place(place.file, number)
    return Place(place.file, rendered if rendered <= len(lines) else 0)


def _in_dockerfile(fleet: Fleet, base: Base) -> Place:
    if not base.place.file.endswith(".j2"):
        return base.place
    return _in_template(fleet, Place(base.place.file, 0), base.image, base.place.line)


def _saying_the_tag(written: str) -> str:
    """The part of an image's text that its tag comes from: what follows the last colon outside of expressions, else all."""
    blank = _EXPRESSION.sub(lambda found: "x" * len(found[0]), written)
    colon = blank.rfind(":", blank.rfind("/") + 1)
    return written[colon + 1 :]


def _source(fleet: Fleet, environment: str, host: DesiredHost, service: DesiredService) -> Place | None:
    """Where the variable that says the tag was written, if one does."""
    written = fleet.stacks[environment, service.stack].services[service.name].image
    names = ["".join(found) for found in _VARIABLE.findall(_saying_the_tag(written))]
    heads: tuple[tuple[str, ...], ...] = (("hosts", host.name), ("environments", environment), ())
    for name in names[::-1]:
        for head in heads:
            if place := fleet.places.get((*head, "vars", name)):
                return place
    return None
