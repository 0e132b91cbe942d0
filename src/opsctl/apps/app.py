"""A kind of software as a value: a service says `app: NAME`, and gets its settings, rules and page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.checks.gates import Gate, Upgrade
from opsctl.model.frozen import Frozen
from opsctl.render.memory import MemoryRow
from opsctl.rules.rule import Rule
from opsctl.rules.subject import ServiceView

if TYPE_CHECKING:
    from opsctl.checks.check import Check

__all__ = ["App", "Upgrade"]


def _none(_view: ServiceView) -> Iterable[MemoryRow]:
    return ()


@dataclass(frozen=True, slots=True)
class App:
    """`settings` reads the mapping below `settings:` of a service: every field has a default, and numbers take no template.

    `probe` is the `test` of a healthcheck that works with what is in the image. `reload` says how a changed configuration
    takes effect. `page` is the page about it, below docs/. `checks` gives what verify asks of it, which is
    imported only then (70 ms for all apps); `gate` is what stands between two of its versions. `memory` gives the rows that a service
    adds to the memory budget of its host beside its own: containers that it starts by itself. Users bring their own as an entry point of the group `opsctl.apps`: its name is the app's, and it leads to an
    App.
    """

    name: str
    settings: type[Frozen]
    rules: tuple[Rule, ...]
    page: str
    probe: tuple[str, ...]
    reload: str
    upgrades: tuple[Upgrade, ...] = ()
    checks: Callable[[], tuple[Check, ...]] = tuple
    gate: Gate | None = None
    memory: Callable[[ServiceView], Iterable[MemoryRow]] = _none
