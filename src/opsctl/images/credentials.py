"""Who logs in to a registry."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """`password` is a password or a token; it appears in no text of the object."""

    username: str
    password: str = field(repr=False)
