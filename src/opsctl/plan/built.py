"""What a host has of the images that opsctl builds: known by their label, since anything can be called anything."""

from __future__ import annotations

from dataclasses import replace

from opsctl.state.desired import DesiredHost
from opsctl.state.observed import Observed


def as_built(desired: DesiredHost, observed: Observed) -> Observed:
    """The same look, each built image that is desired under its own name, and under no other's.

    An image that merely bears such a name is as good as absent; one with the label is there whatever it is called.
    """
    wanted = {one.build.image: one.build.hash for one in desired.services.values() if one.build}
    if not wanted:
        return observed
    images = {name: identity for name, identity in observed.images.items() if name not in wanted}
    images |= {name: observed.built[label] for name, label in wanted.items() if label in observed.built}
    return replace(observed, images=images)
