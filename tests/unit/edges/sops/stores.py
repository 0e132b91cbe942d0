"""Stores for tests, and edits of them; light enough for a process that is started to write one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.fakes.edges import FakeClock
from tests.unit.edges.sops.oracle import Person

from opsctl.edges.sops.store import SopsStore
from opsctl.model.secrets import Secret, StoreFile
from opsctl.secrets.versions import Edit, with_pending, with_value

NOW = 1_700_000_000.0


def store_of(path: Path, who: Person) -> SopsStore:
    return SopsStore(path, "prod", identities=lambda: who.identities, clock=FakeClock(NOW))


def setting(name: str, value: str, **fields: object) -> Callable[[StoreFile], Edit]:
    """An edit that gives a secret a new current value."""

    def edit(file: StoreFile) -> Edit:
        old = file.secrets.get(name) or Secret.model_validate({"class": "provider", **fields})
        secret, version = with_value(old, now=NOW, by="ann")
        return Edit(
            file.model_copy(update={"secrets": {**file.secrets, name: secret}}), {(name, version): value}
        )

    return edit


def pending(name: str, value: str, **fields: object) -> Callable[[StoreFile], Edit]:
    def edit(file: StoreFile) -> Edit:
        old = file.secrets.get(name) or Secret.model_validate({"class": "provider", **fields})
        secret, version = with_pending(old, now=NOW, by="ann")
        return Edit(
            file.model_copy(update={"secrets": {**file.secrets, name: secret}}), {(name, version): value}
        )

    return edit
