"""Commands that bring images from one engine to another. They change no container, and run without lease and guard."""

from __future__ import annotations

from opsctl.argv.command import Command

__all__ = ["load", "pull_here", "remove", "save", "tag"]

_SILENCE = 600.0
# docker load (20.10) unpacks the whole stream into a folder first, and makes the layers after its end.
_UNPACKING = 1800.0


def save(image_id: str) -> Command:
    """An image as a tar stream on stdout; by its id, so that the stream names no tag."""
    return Command(("docker", "save", image_id), timeout=_SILENCE, label="docker save")


def load() -> Command:
    """Take such a stream, also a compressed one, from stdin."""
    return Command(("docker", "load", "--quiet"), timeout=_UNPACKING, label="docker load")


def tag(image_id: str, name: str) -> Command:
    return Command(("docker", "tag", image_id, name), label="docker tag")


def remove(image: str) -> Command:
    """An image that no container uses, by its id or one of its names."""
    return Command(("docker", "rmi", image), timeout=120.0, label="docker rmi")


def pull_here(image: str, platform: str) -> Command:
    """For the operator's own engine, which may be of another platform than the host."""
    return Command(
        ("docker", "pull", "--quiet", "--platform", platform, image), timeout=_UNPACKING, label="docker pull"
    )
