"""Which images a digest pins: a tag may be another image tomorrow, a digest never is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opsctl.state.desired import DesiredService


def unpinned(services: Iterable[DesiredService]) -> Iterator[str]:
    """A sentence for each service without a digest, for environments that require pins."""
    for service in sorted(services, key=lambda one: one.name):
        if "@sha256:" not in service.image:
            yield (
                f"{service.name}: the image {service.image} has no digest, and this environment requires pins; "
                f"write {service.image}@sha256:…"
            )
