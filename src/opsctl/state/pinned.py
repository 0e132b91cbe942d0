"""Whether what runs is what the lock says: by the digests that the engine knows of the image, not by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from opsctl.state.desired import DesiredService
from opsctl.state.local_images import image_id
from opsctl.state.observed import BUILD_LABEL, ObservedContainer

PinState = Literal["locked", "other", "unpinned"]


def pin_state(service: DesiredService, container: ObservedContainer, images: Mapping[str, str]) -> PinState:
    """locked: the container's image has the desired digest, under whatever name it was started; other: it has not.

    `images` are the ids by every reference that the engine lists, RepoDigests among them. What is built counts by the hash
    in the label, which a container has from its image.
    """
    if service.build:
        return "locked" if container.labels.get(BUILD_LABEL) == service.build.hash else "other"
    if not service.digest:
        return "unpinned"
    wanted = image_id(images, service.image)
    return "locked" if wanted and wanted == container.image_id else "other"
