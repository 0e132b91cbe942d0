"""What a host is told to run, given what was written and the lock."""

from __future__ import annotations

from dataclasses import dataclass, replace

from opsctl.model.lock import Lock
from opsctl.model.references import IMPLIED_TAG, Reference, parse_reference

_LONGEST_TAG = 128
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Pins:
    """The lock as one host needs it. `pushed`: the host pulls nothing, so that no digest means anything to its engine."""

    lock: Lock
    pushed: bool = False

    def of(self, image: str) -> str:
        """`name:tag@digest` for an image with a digest in the lock; one with a digest of its own, or with none, as it is.

        For a host that pulls nothing, the tag under which `push-images` leaves it there. Raises Unfit for what is no
        image.
        """
        read = parse_reference(image)
        digest = self.digest(read)
        if not digest:
            return image
        if self.pushed:
            return str(pushed_name(read, digest))
        return image if read.digest else str(read.pinned(digest))

    def digest(self, image: Reference) -> str:
        """The written digest, else that of the lock; "" where there is neither."""
        entry = None if image.is_built_here else self.lock.images.get(image.key)
        return image.digest or (entry.digest if entry else "")


def pushed_name(image: Reference, digest: str) -> Reference:
    """How an image is called on a host that it was pushed to.

    `docker load` knows no digests of registries (engine 20.10: RepoDigests stay empty), so the tag says which one it is.
    """
    tail = f"-sha256-{digest.removeprefix('sha256:')[:_DIGITS]}"
    return replace(image, tag=(image.tag or IMPLIED_TAG)[: _LONGEST_TAG - len(tail)] + tail, digest="")
