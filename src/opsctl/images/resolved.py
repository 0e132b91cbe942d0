"""What a registry, or an engine on its behalf, says of one image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resolved:
    """`digest` is that of what the tag names: the index where there is one, never a single platform's manifest of it.

    `platforms` are `os/architecture[/variant]`, sorted; empty where nobody could tell.
    """

    digest: str
    media_type: str = ""
    platforms: tuple[str, ...] = ()
