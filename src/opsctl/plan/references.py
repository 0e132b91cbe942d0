"""Image references as the engine lists them."""

from __future__ import annotations

from collections.abc import Mapping


def familiar(image: str) -> str:
    """The reference as the engine writes it in RepoTags and RepoDigests.

    docker.io/ and library/ are left out, a missing tag is `latest`, and a digest makes the tag disappear
    (distribution/reference FamiliarString; engine 20.10 ignores the tag of `repo:tag@digest`, compose-traps 12).
    """
    name, at, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    repository, _, tag = last.partition(":")
    path = head + slash + repository
    path = path.removeprefix("index.docker.io/").removeprefix("docker.io/").removeprefix("library/")
    return f"{path}@{digest}" if at else f"{path}:{tag or 'latest'}"


def image_id(images: Mapping[str, str], image: str) -> str | None:
    """The id of a local image; None where the host lacks it."""
    if image in images:
        return images[image]
    return images.get(familiar(image))
