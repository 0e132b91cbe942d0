"""Which images a plan builds, and which only need their name."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from opsctl.plan.context import Context
from opsctl.plan.steps import Build, Tag
from opsctl.state.desired import DesiredBuild, DesiredService
from opsctl.state.observed import Observed


def steps(
    ctx: Context, looked: Observed, touched: Collection[str], scope: Collection[str]
) -> Iterator[Build | Tag]:
    """A build for each image that a touched service needs and the host lacks; a name for each that is there without its
    own. `looked` is the look as it was, with names as they are.
    """
    wanted: dict[str, tuple[DesiredBuild, list[str]]] = {}
    for name in sorted(scope):
        service = ctx.desired.services.get(name)
        if service and service.build:
            wanted.setdefault(service.build.image, (service.build, []))[1].append(name)
    for image, (build, services) in sorted(wanted.items()):
        identity, named = looked.built.get(build.hash), looked.images.get(image)
        needing = tuple(name for name in services if name in touched)
        if identity is None and needing:
            yield Build(build, needing)
        elif identity is not None and named != identity:
            yield Tag(identity, image, taken=named is not None)


def bases(ctx: Context, service: DesiredService) -> tuple[str, ...]:
    """The images that a service's image is built on, as the host gets them; none where it is built already."""
    if service.build is None or service.build.image in ctx.observed.images:
        return ()
    return tuple(base.pinned for base in service.build.bases)
