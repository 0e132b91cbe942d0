"""The images of a fleet, as a command about pins sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.errors import UsageError
from opsctl.images.uses import ImageUse
from opsctl.images.wanted import Wanted, chosen, wanted_images
from opsctl.model.fleet import Fleet
from opsctl.model.lock import Lock
from opsctl.model.nearest import nearest
from opsctl.render.image_uses import dockerfile_uses, image_uses
from opsctl.state.desired import Desired


@dataclass(frozen=True, slots=True)
class Inventory:
    """`whole`: every environment is in it, so that what it does not name nobody needs."""

    lock: Lock
    uses: tuple[ImageUse, ...]
    images: tuple[Wanted, ...]
    whole: bool

    def chosen(self, names: Sequence[str]) -> tuple[Wanted, ...]:
        """Those that the names mean. Raises UsageError with the nearest name for one that means none."""
        found, unknown = chosen(self.images, names)
        if unknown:
            known = {
                *(one.key for one in self.images),
                *(name for one in self.images for name in one.services),
            }
            known |= {one.reference.familiar_name for one in self.images}
            raise UsageError(
                f"no image and no service is called {unknown[0]}", hint=nearest(unknown[0], known)
            )
        return found


def inventory(fleet: Fleet, rendered: Sequence[Desired]) -> Inventory:
    """Of the environments that were rendered, and of the Dockerfiles, which belong to none."""
    uses = [use for desired in rendered for use in image_uses(fleet, desired)]
    uses += dockerfile_uses(fleet)
    whole = {desired.environment for desired in rendered} == set(fleet.hosts_file.environments)
    return Inventory(fleet.lock, tuple(uses), wanted_images(uses), whole)
