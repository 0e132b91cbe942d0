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
    """Of all environments. `environment` is the one that is asked about, "" for all."""

    lock: Lock
    uses: tuple[ImageUse, ...]
    images: tuple[Wanted, ...]
    environment: str = ""

    @property
    def whole(self) -> bool:
        """Whether everything is asked about, so that what is not named in it nobody needs."""
        return not self.environment

    @property
    def asked(self) -> tuple[Wanted, ...]:
        """The images of the environment that is asked about, and those of Dockerfiles, which belong to none."""
        here = {self.environment, ""}
        return tuple(one for one in self.images if self.whole or here & {use.environment for use in one.uses})

    def chosen(self, names: Sequence[str]) -> tuple[Wanted, ...]:
        """Those that the names mean. Raises UsageError with the nearest name for one that means none."""
        found, unknown = chosen(self.asked, names)
        if unknown:
            raise UsageError(f"no image and no service is called {unknown[0]}", hint=self._meant(unknown[0]))
        return found

    def _meant(self, name: str) -> str:
        if name in {use.environment for use in self.uses}:
            return f"an environment is named with -e {name}"
        known = {one.key for one in self.asked} | {one.reference.familiar_name for one in self.asked}
        return nearest(name, known | {service for one in self.asked for service in one.services})


def inventory(fleet: Fleet, rendered: Sequence[Desired], environment: str | None = None) -> Inventory:
    """Of all environments, rendered, and of the Dockerfiles that no service of them builds.

    `environment` is the one that is asked about; None: all.
    """
    uses = [use for desired in rendered for use in image_uses(fleet, desired)]
    uses += dockerfile_uses(fleet, rendered)
    return Inventory(fleet.lock, tuple(uses), wanted_images(uses), environment or "")
