"""A rule and what it says: an id that is never used again, a severity, why, how to mend it, and where the fact is from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from opsctl.model.fleet import Place
from opsctl.rules.subject import ServiceView, Subject

Severity = Literal["error", "warning", "note"]
"""error: a deploy is refused; warning: wrong, and allowed; note: worth knowing. The words are SARIF's levels."""
Theme = Literal[
    "images",
    "memory",
    "databases",
    "env",
    "secrets",
    "network",
    "docker",
    "health",
    "files",
    "hardening",
    "lint",
    "apps",
]


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a rule found. `service` and `host` are "" where it is about none.

    `unknown`: the rule could not look; that is never a pass.
    """

    place: Place
    message: str
    hint: str = ""
    service: str = ""
    stack: str = ""
    host: str = ""
    unknown: bool = False


def about(view: ServiceView, place: Place, message: str, hint: str = "", *, unknown: bool = False) -> Hit:
    """About one service of one host, whose name leads the message."""
    text = f"{view.name}: {message}"
    return Hit(place, text, hint, view.name, view.service.stack, view.host.name, unknown=unknown)


@dataclass(frozen=True, slots=True)
class Rule:
    """`why` is what goes wrong, `mend` what to do, `source` where the fact was read. `needs_store`: it reads what a secret
    store says in clear, and is skipped where there is none.
    """

    id: str
    theme: Theme
    severity: Severity
    title: str
    why: str
    mend: str
    source: str
    check: Callable[[Subject], Iterator[Hit]]
    needs_store: bool = False
