"""A value on its way through a rotation."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version's value. `login` is the login name it belongs to, "" where the target has only one."""

    version: str
    value: str = field(repr=False)
    login: str = ""
