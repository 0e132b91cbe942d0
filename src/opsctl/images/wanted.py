"""The images of a fleet, each once, with all the places that name it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from opsctl.images.platforms import fits
from opsctl.images.uses import ImageUse
from opsctl.model.references import Reference


@dataclass(frozen=True, slots=True)
class Wanted:
    """One image that the lock can pin. `reference` has the written digest, where a file gives one.

    `problem` says why nobody could know what is meant.
    """

    key: str
    reference: Reference
    uses: tuple[ImageUse, ...]
    problem: str = ""

    @property
    def tagged(self) -> Reference:
        """Without its digest, the tag spelled out."""
        return replace(self.reference, tag=self.reference.tag or "latest", digest="")

    @property
    def written(self) -> str:
        return self.reference.digest

    @property
    def platforms(self) -> tuple[str, ...]:
        """Those that some host needs."""
        return tuple(sorted({platform for use in self.uses for platform in use.platforms}))

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(use.service for use in self.uses if use.service))

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(use.host for use in self.uses if use.host))

    def missing(self, offered: Sequence[str]) -> tuple[str, ...]:
        """Platforms that hosts need and the image does not have; none where nobody told what it has."""
        return tuple(one for one in self.platforms if offered and not fits(one, offered))


def wanted_images(uses: Iterable[ImageUse]) -> tuple[Wanted, ...]:
    """Sorted by key; built images and what only looks like an image are left out."""
    found: dict[str, list[ImageUse]] = {}
    for use in uses:
        if use.lockable:
            found.setdefault(use.key, []).append(use)
    return tuple(_wanted(key, found[key]) for key in sorted(found))


def _wanted(key: str, uses: Sequence[ImageUse]) -> Wanted:
    references = [use.reference for use in uses]
    digests = {one.digest: use.place for one, use in zip(references, uses, strict=True) if one and one.digest}
    first = next(one for one in references if one)
    problem = ""
    if len(digests) > 1:
        problem = "written with different digests: " + ", ".join(
            f"{digest[:19]}… in {place}" for digest, place in digests.items()
        )
    return Wanted(key, replace(first, digest=next(iter(digests), "")), tuple(uses), problem)


def chosen(images: Sequence[Wanted], names: Sequence[str]) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    """The images that the names mean (all without names), and the names that mean none.

    A name is a service, `repository:tag`, a repository, or the last part of one.
    """
    if not names:
        return tuple(images), ()
    hits = {name: [one for one in images if _means(name, one)] for name in names}
    kept = tuple(one for one in images if any(one in group for group in hits.values()))
    return kept, tuple(name for name, group in hits.items() if not group)


def _means(name: str, image: Wanted) -> bool:
    familiar, full = image.reference.familiar_name, f"{image.reference.registry}/{image.reference.path}"
    repositories = {familiar, full, full.rpartition("/")[2], image.reference.name}
    return name in {
        *image.services,
        image.key,
        *repositories,
        *(f"{one}:{image.tagged.tag}" for one in repositories),
    }
