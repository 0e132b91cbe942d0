"""Containers that live for a question alone: a program of a new image, and what tells them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LABEL = "opsctl.probe"
"""The label of every container that lives for a question alone; its value says which question, or which run."""

RUN_LABEL = "opsctl.check"
"""The label of those that a check makes: which run it belongs to."""


@dataclass(frozen=True, slots=True)
class Claim:
    """To be asked before a check makes what may outlive it: from here on the host knows whether this run is alive."""

    host: str


@dataclass(frozen=True, slots=True)
class Throwaway:
    """A program of an image that the host has, in a container that lives for this question: without a network and without
    volumes, with these variables, in `memory` bytes, as the image's user or as `user`. Asked where the lease is held, since it
    makes something.
    """

    host: str
    image: str
    words: tuple[str, ...]
    stdin: bytes = field(default=b"", repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    capabilities: tuple[str, ...] = ()
    memory: int = 512 * 2**20
    timeout: float = 60.0
    user: str = ""
