"""A new tag for a service: which one, where it is written, who else runs it, and what the files hold then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from opsctl.errors import Refused, UsageError
from opsctl.images.source import with_tag_in_yaml
from opsctl.images.uses import ImageUse
from opsctl.images.variable import with_variable_in_toml
from opsctl.images.versions import newer
from opsctl.model.fleet import Place
from opsctl.model.references import Reference
from opsctl.model.values import Unfit

Bars = Callable[[str, str], str]
"""Why an app does not step from one tag to another; "" where it does."""


@dataclass(frozen=True, slots=True)
class Written:
    """The tag of a service as the files have it: at one place, which `services` of the environment and those `elsewhere`
    (environment and service) share.
    """

    service: str
    environment: str
    image: Reference
    place: Place
    variable: bool
    services: tuple[str, ...]
    elsewhere: tuple[str, ...]
    uses: tuple[ImageUse, ...]


def written_tag(uses: Iterable[ImageUse], service: str, environment: str) -> Written:
    """Raises UsageError for a service without a tag of its own, and for one whose tag stands at several places."""
    every = [one for one in uses if one.kind == "service"]
    mine = [one for one in every if (one.service, one.environment) == (service, environment)]
    if not mine:
        raise UsageError(
            f"{service} has no image with a tag in {environment}",
            hint="what is built follows its Dockerfile: opsctl pin-images --outdated",
        )
    places = {_place(one) for one in mine}
    image = mine[0].reference
    if len(places) > 1 or image is None or len({one.key for one in mine}) > 1:
        told = ", ".join(sorted(map(str, places)))
        raise UsageError(f"the tag of {service} is written at {told}", hint="write it by hand, then deploy")
    (place,) = places
    shared = [one for one in every if _place(one) == place]
    here = dict.fromkeys(one.service for one in shared if one.environment == environment)
    there = dict.fromkeys(
        f"{one.environment} {one.service}" for one in shared if one.environment != environment
    )
    variable = mine[0].source is not None
    return Written(service, environment, image, place, variable, tuple(here), tuple(there), tuple(shared))


def _place(use: ImageUse) -> Place:
    return use.source or use.place


def next_tag(written: Written, tags: Sequence[str], bars: Bars) -> str:
    """The newest tag of the smallest kind of step, of those that the app takes. Raises Refused where there is none."""
    old = written.image.tag
    taken = [one for one in tags if not bars(old, one)]
    if found := newer(old, taken, written.image.path):
        return found[0].tag
    others = newer(old, tags, written.image.path)
    if others:
        raise Refused(bars(old, others[0].tag), where=f"{written.image.key} -> {others[0].tag}")
    raise Refused(
        f"there is no newer tag than {old or 'latest'} of its kind",
        where=written.image.key,
        hint=f"opsctl upgrade {written.service} TAG takes any tag",
    )


def with_tag(written: Written, tag: str) -> Reference:
    return replace(written.image, tag=tag, digest="")


def rewritten(written: Written, text: str, tag: str, digest: str) -> str:
    """The file of the written tag with another one. Raises UsageError where that one place cannot be changed alone."""
    try:
        if written.variable:
            return with_variable_in_toml(text, written.place.line, written.image.tag, tag)
        return with_tag_in_yaml(text, written.place.line, tag, digest)
    except Unfit as reason:
        raise UsageError(str(reason), where=str(written.place), hint=reason.hint) from None
