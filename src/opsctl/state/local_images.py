"""Looking an image up in what the engine lists."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.model.references import familiar


def image_id(images: Mapping[str, str], image: str) -> str | None:
    """The id of a local image; None where the host lacks it."""
    if image in images:
        return images[image]
    return images.get(familiar(image))
