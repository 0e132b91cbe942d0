"""Uses, entries and answers for tests about pins."""

from __future__ import annotations

from typing import Any

from opsctl.images.resolved import Resolved
from opsctl.images.uses import ImageUse, Kind
from opsctl.images.wanted import Wanted, wanted_images
from opsctl.model.fleet import Place
from opsctl.model.lock import Lock, Pinned

INDEX = "application/vnd.oci.image.index.v1+json"
AMD, ARM = "linux/amd64", "linux/arm64"
NOON = 1_700_000_000.0


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def use(
    image: str,
    line: int = 1,
    *,
    file: str = "stacks/apps.yml",
    kind: Kind = "service",
    service: str = "api",
    host: str = "web",
    platforms: tuple[str, ...] = (AMD,),
) -> ImageUse:
    return ImageUse(
        image, Place(file, line), kind, service=service, environment="prod", host=host, platforms=platforms
    )


def wanted(*images: str) -> tuple[Wanted, ...]:
    return wanted_images(use(image, at) for at, image in enumerate(images, start=1))


def entry(number: int, tag: str = "1", **fields: Any) -> Pinned:
    return Pinned.model_validate(
        {"tag": tag, "digest": digest(number), "resolved_at": "2026-01-02T03:04:05Z", **fields}
    )


def lock(**images: Pinned) -> Lock:
    """By repository; the tag is the entry's."""
    return Lock(images={f"{name}:{one.tag}": one for name, one in images.items()})


def told(number: int, *platforms: str) -> Resolved:
    return Resolved(digest(number), INDEX, platforms or (AMD, ARM))
