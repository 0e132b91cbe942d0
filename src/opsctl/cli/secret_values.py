"""The secrets of a run: each value that is read is known to the redactor before anybody else sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from opsctl.edges.ports import SecretStore
from opsctl.edges.secrets import GeneratedStore, NoStore
from opsctl.model.fleet import Fleet
from opsctl.render.secret_uses import secret_names
from opsctl.render.redact import Redactor


class SecretValues:
    """Gives values of one environment's store, and takes every value that it gave out of texts."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._redactor = Redactor()

    def of(self, fleet: Fleet, environment: str) -> Callable[[str], str]:
        """What gives a value by name; raises UsageError for a secret that the store does not have."""
        store = self._store(fleet, environment)

        def value(name: str) -> str:
            found = store.get(name)
            self._redactor.add(found)
            return found

        return value

    def redact(self, text: str) -> str:
        return self._redactor.text(text)

    def _store(self, fleet: Fleet, environment: str) -> SecretStore:
        if fleet.environment(environment).secrets == "generated":
            path = self._root / "secrets" / f"{environment}.generated.json"
            return GeneratedStore(path, secret_names(fleet, environment))
        return NoStore(environment)
